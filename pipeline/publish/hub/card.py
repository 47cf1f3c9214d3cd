"""The card that is sent. What a person has written into the card on the Hub is never lost.

The client's `DatasetCardData` is not used for the header: it would reformat a person's keys.
"""

from __future__ import annotations

from pipeline.core.errors import HubError
from pipeline.dataset import card_marks
from pipeline.dataset.card_marks import Marked, licence_of
from pipeline.dataset.card_on_hub import on_hub
from pipeline.dataset.manifest import README
from pipeline.publish.hub.branch import Branch


def card_to_send(branch: Branch, text: str, licence: str, foreign: bool) -> bytes:
    """The bytes of the card to send, from the folder's card `text`. Licence: the given one, the folder's or the Hub's.

    foreign: whether the card on the Hub is of another dataset and is replaced. HubError where both cards were edited
    since the last push: a person must choose. The client's own error where the Hub refuses the card.
    """
    from huggingface_hub import CommitOperationAdd, DatasetCard

    stated, words = f"license: {licence}\n" if licence else licence_of(text), Marked.of(text).words_hash
    card = on_hub(text, branch.repo, stated, words).encode()
    if branch.holds(CommitOperationAdd(README, card)):
        return card
    if README in branch.files and not foreign:
        existing = branch.read(README)
        joined = card_marks.reconciled(text, existing)
        if joined is None:
            raise HubError(
                "the card was edited there and in the folder too",
                f"Copy what was written there into the {README} of the folder.",
                branch.url,
            )
        card = on_hub(joined, branch.repo, stated or licence_of(existing), words).encode()
    if not branch.holds(CommitOperationAdd(README, card)):
        # `create_commit` asks the Hub the same, but only after all shards are sent.
        DatasetCard(card.decode(), ignore_metadata_errors=True).validate(repo_type="dataset")
    return card
