"""measure: what a model knows, from its losses on a split of a built dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.core.errors import PlanError
from pipeline.evaluate.capacity.documents import Measured, first_spans
from pipeline.evaluate.capacity.formulas import capacity_of
from pipeline.evaluate.capacity.per_token import Numbers, PerToken, checked_losses
from pipeline.evaluate.capacity.result import BIT, Capacity


def measure(
    folder: str | Path,
    split: str,
    losses: Numbers,
    *,
    predictions: Numbers | None = None,
    parameters: int | None = None,
    source: str | None = None,
    done: Callable[[int], object] = lambda _: None,
) -> Capacity:
    """What a model knows, by its losses on a split of a built dataset that has the columns documents and spans.

    losses: float (S, L) in nats: [s, t] is −ln p(input_ids[s, t] | the tokens before it in the sequence); [s, 0] is
    ignored. An array or an .npy file, with sequences in the order of the shards; or a function from ids, int64
    (s, L), to their losses. predictions: in the same form, the most likely ids, integers. parameters: P. source: a
    source of biographies; by default the split's only one. done: called with the number of sequences of each batch.

        @torch.no_grad()
        def losses(ids):                                                  # with PyTorch: a zero, then L - 1 losses
            batch = torch.from_numpy(ids).cuda()
            logits = model(batch[:, :-1]).logits.float().transpose(1, 2)
            return pad(cross_entropy(logits, batch[:, 1:], reduction="none"), (1, 0)).cpu()

        print(*measure("data/bioS_100K_100", "score", losses, parameters=88_000_000).lines(), sep="\\n")

    A document counts if it is whole and does not begin its sequence, as the loss of a name needs a token before it.
    In each, the first span of every attribute counts. Individuals with more documents weigh more. N is the number of
    individuals that the source is about.

    StorageError for a folder or a file that cannot be read, PlanError where shapes, types or columns do not fit.
    """
    if parameters is not None and parameters < 1:
        raise PlanError(f"{parameters} parameters", "Give 1 or more.")
    measured = Measured.of(folder, split, source)
    labels = len(measured.labels)
    loss_of = PerToken("losses", losses, "f", measured.shape)
    prediction_of = None if predictions is None else PerToken("predictions", predictions, "iu", measured.shape)
    sums = np.zeros((4, labels))
    documents = 0
    for row, batch in measured.batches():
        ids = batch.column("input_ids").flatten().to_numpy().reshape(-1, measured.shape[1])
        loss = checked_losses(loss_of(row, ids), row).reshape(-1)
        counted, start, length, label = first_spans(batch, ids, measured)
        if prediction_of is None:
            right = loss[start] < BIT
        else:
            right = prediction_of(row, ids).reshape(-1)[start] == ids.reshape(-1)[start]
        first_chunk = _sums(loss, start, np.minimum(length, measured.chunk[label]))
        of_spans = (np.ones(len(label)), _sums(loss, start, length), first_chunk, right)
        sums += [np.bincount(label, values, labels) for values in of_spans]
        documents += counted
        done(len(ids))
    if not documents:
        raise PlanError(
            f"no document of '{measured.source}' lies wholly in a sequence of '{split}', behind another one",
            "Set packing.method to concat, or raise packing.length.",
            measured.dataset.folder.url,
        )
    return capacity_of(measured, documents, sums, parameters, exact=prediction_of is not None)


def _sums(values: NDArray[np.float64], start: I64, length: I64) -> NDArray[np.float64]:
    """The sum of values[start : start + length] of each span, (m,). No span is empty or reaches the end of values."""
    bounds = np.column_stack([start, start + length]).reshape(-1)
    sums: NDArray[np.float64] = np.add.reduceat(values, bounds)[::2]
    return sums
