"""How the learning rate moves."""


def learning_rate(step: int, peak: float, warmup: int, decay_steps: int) -> float:
    """Learning rate of update number `step`, from 1: linear from zero to `peak` at `warmup`, then linear to zero at `decay_steps`;
    0 keeps it."""
    if step < warmup:
        return peak * step / warmup
    if decay_steps <= 0:
        return peak
    if step >= decay_steps:
        return 0.0
    return peak * (decay_steps - step) / max(1, decay_steps - warmup)
