"""The rule models: fetches the models on the hub, and locks them to a commit."""

import time

from strata.models import hub
from strata.painting import journal
from strata.workflow.job import logging

with logging(snakemake.log[0], "models") as log:
    if not snakemake.params.spec:
        log.say("no scene names a model on the hub: there is nothing to fetch")
    for model in snakemake.params.spec:
        started = time.time()
        fetched = hub.fetch(model, log.say)
        journal.record(model["id"], "fetched" if fetched else "there", started)
