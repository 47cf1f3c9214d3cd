"""The laboratory: models trained on the datasets of a sweep, examined, and compared with what the paper found.

    experiments/extraction.yaml ──► Experiment ──► datasets ──► models ──► answers, losses ──► report
      spec.py        its keys                        running.py      for each seed and cell, resumable
      experiment.py  read, with a scale chosen       data.py         rows as batches
      claims.py      tests that a machine decides    device.py       a card or the CPU; precision
      measures/      what is measured, a file each   model.py        GPT-2 with rotary positions
      planning.py    what it would run               training.py     steps, checkpoints
                                                     examination.py  answers by generation; losses
                                                     probing.py      classifiers of hidden states
                                                     results.py      records of runs; means over seeds
                                                     report/         a page, and Markdown

`data`, `device`, `model`, `training`, `examination` and `probing` are what a user with another model writes anew, and
can be read in one sitting; they and `running` need torch (the extra `torch`), the others do not.
"""
