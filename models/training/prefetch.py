"""Batches prepared ahead of their use, by other processes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from torch.utils.data import DataLoader, Dataset

PlanT = TypeVar("PlanT")
BatchT = TypeVar("BatchT")


def prepared(
    prepare: Callable[[PlanT], BatchT], plans: Iterable[PlanT], n_workers: int
) -> Iterator[BatchT]:
    """The batches of all plans, in order.

    Args:
        prepare: makes a batch from its plan, on the CPU.
        plans: of an epoch.
        n_workers: processes that prepare batches; 0: this one does, when a batch is asked for.
    """
    if n_workers == 0:
        return map(prepare, plans)
    dataset = _Prepared(prepare, list(plans))
    # Forked, a worker has the data at once and without a copy; it uses the CPU alone.
    return iter(
        DataLoader(
            dataset,
            batch_size=None,
            num_workers=n_workers,
            prefetch_factor=4,
            multiprocessing_context="fork",
        )
    )


class _Prepared(Dataset[BatchT], Generic[PlanT, BatchT]):
    def __init__(self, prepare: Callable[[PlanT], BatchT], plans: Sequence[PlanT]) -> None:
        self._prepare = prepare
        self._plans = plans

    def __len__(self) -> int:
        return len(self._plans)

    def __getitem__(self, index: int) -> BatchT:
        return self._prepare(self._plans[index])
