"""What may run a model, and with which precision: the words of settings, cards and requests."""

from __future__ import annotations

from typing import Literal

BackendName = Literal["eager", "openvino", "cuda_graphs", "inductor"]
BackendChoice = Literal["auto", "eager", "openvino", "cuda_graphs", "inductor"]
Precision = Literal["fp32", "bf16", "fp16"]
PrecisionChoice = Literal["auto", "fp32", "bf16", "fp16"]
