"""ONNX Runtime as every module of ours imports it: without telemetry.

From 1.32 on, its wheels report the process, its program and an identifier of the device to their
maker, over a database in the user's cache folder. Only this variable turns that off before the
library is loaded and begins; `disable_telemetry_events` comes too late.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
