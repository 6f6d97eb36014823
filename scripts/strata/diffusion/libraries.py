"""The companions of torch, kept off the terminal."""


def quiet() -> None:
    """Silences bars and remarks of diffusers and transformers; errors stay. To be called before they are imported whole.

    Among the remarks are two that are no news here: that torchvision is not installed, and that AutoencoderTiny is not the
    autoencoder that a pipeline expects.
    """
    import diffusers.utils.logging
    import transformers.utils.logging

    for logging in (transformers.utils.logging, diffusers.utils.logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
