"""The studio: a local page to see a scene, edit it, know what an edit costs, and watch it paint.

Whatever decides something lies in the rooms below; here it is asked for, and handed to the page as JSON.
"""
