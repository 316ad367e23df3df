"""The error that every reader of model files raises."""


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, or belongs to another kind of model.

    The message names the file or the tensor and says what was expected.
    """


class ExportError(ValueError):
    """A model cannot be written in another form, mostly because a package for it is missing."""


class StaleExportError(CheckpointError):
    """An exported network that was made of other weights than those it lies beside."""
