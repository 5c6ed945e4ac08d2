"""Muon: momentum whose update of a matrix is replaced by the nearest semi-orthogonal matrix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration that drives all singular values towards 1."""


def orthogonalized(matrices: Tensor, steps: int) -> Tensor:
    """About U V^T for each matrix U S V^T of [count, rows, columns]."""
    a, b, c = NEWTON_SCHULZ
    wide = matrices.shape[1] <= matrices.shape[2]
    x = matrices if wide else matrices.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x if wide else x.mT


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and decoupled weight decay.

    The fused query, key and value projection, [3 n, n], counts as three matrices. Matrices of one shape are
    orthogonalized as a batch; the processes of the default process group share them out and exchange the results.
    A parameter whose gradient is zero, as in a layer that is not in use, is left alone.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        steps: int = 5,
    ) -> None:
        super().__init__(parameters, dict(lr=lr, weight_decay=weight_decay, momentum=momentum, steps=steps))

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            by_shape: defaultdict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for parameter in group["params"]:
                if not parameter.grad.any():
                    continue
                momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                momentum.lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(momentum, group["momentum"])
                rows, columns = parameter.shape
                parts = 3 if rows == 3 * columns else 1
                for weight, direction in zip(parameter.chunk(parts), update.chunk(parts)):
                    by_shape[weight.shape].append((weight, direction))
            for (rows, columns), pairs in by_shape.items():
                directions = torch.stack([direction for _, direction in pairs])
                share = slice(dist.get_rank(), None, dist.get_world_size())
                updates = torch.zeros_like(directions)
                updates[share] = orthogonalized(directions[share], group["steps"])
                dist.all_reduce(updates)
                scale = max(1, rows / columns) ** 0.5
                for (weight, _), update in zip(pairs, updates):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(update, alpha=-group["lr"] * scale)
