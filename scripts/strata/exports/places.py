"""Where exports hold what they say about their scene."""

XMP_PROPERTY = "strata:provenance"
"""Where a PSD's XMP holds the provenance, as JSON."""

PAGE_DATA = "provenance"
"""The id of the page's script element that holds the provenance, as JSON."""
