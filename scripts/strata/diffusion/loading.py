"""Why a model could not be loaded, whatever kind it is."""


class LoadError(Exception):
    """Why a model could not be loaded, without a full stop.

    Attributes:
        may_pass: whether it is the network, which may work again in a moment.
        of_controlnet: whether it is the ControlNet's fault, and not the model's.
    """

    def __init__(self, reason: str, may_pass: bool = False, of_controlnet: bool = False):
        super().__init__(reason)
        self.may_pass = may_pass
        self.of_controlnet = of_controlnet


def explain(error: BaseException, may_fetch: bool, of_controlnet: bool = False) -> LoadError:
    """What a library raised, as a LoadError.

    Args:
        may_fetch: whether the model comes from the hub, so that the network may be what failed.
    """
    reason = " ".join(str(error).split())[:300].rstrip(".")
    return LoadError(reason, may_fetch and _is_network_failure(error), of_controlnet)


def _is_network_failure(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that a connection failed."""
    while error is not None:
        if isinstance(error, ConnectionError | TimeoutError) or type(error).__name__ in (
            "ConnectError",
            "ReadTimeout",
            "ReadError",
        ):
            return True
        error = error.__cause__ or error.__context__
    return False
