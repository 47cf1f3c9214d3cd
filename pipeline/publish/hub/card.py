"""The card that is sent. What a person has written into the one on the Hub is never lost.

Its header is not made by the client's `DatasetCardData`, which would write a person's keys anew, in its own way.
"""

from __future__ import annotations

from pipeline.core.errors import HubError
from pipeline.dataset import card_marks
from pipeline.dataset.card_marks import Marked, licence_of
from pipeline.dataset.card_on_hub import on_hub
from pipeline.dataset.manifest import README
from pipeline.publish.hub.branch import Branch


def card_to_send(branch: Branch, text: str, licence: str, foreign: bool) -> bytes:
    """The folder's card `text`, as it is sent. Its licence: the one given, the folder's, or the one on the Hub.

    foreign: the card on the Hub is that of another dataset, and gives way. HubError where both the card there and the
    one in the folder were edited since the last push: to choose is a person's part. Whatever stops the client where the
    Hub's rules refuse the card.
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
        # `create_commit` asks the Hub for the same, but when all shards are sent.
        DatasetCard(card.decode(), ignore_metadata_errors=True).validate(repo_type="dataset")
    return card
