"""Frames made smaller without loss, for lines that are slow: HTJ2K and JPEG-LS.

Source: PS3.5 sections 8.2.3 and 8.2.18, annexes A.4.3 and A.4.12.
"""

from typing import Any

import imagecodecs
import numpy as np

from confrere.imaging.syntaxes import HTJ2K, HTJ2K_RPCL, JPEG_LS
from confrere.kernel.errors import Invalid

Array = np.ndarray[Any, Any]
MADE = frozenset({HTJ2K, HTJ2K_RPCL, JPEG_LS})
GREY = 2  # dimensions of a frame without colours
SIDES = 65535  # what a codestream of JPEG-LS can say


def encode(frame: Array, syntax: str) -> bytes:
    """Encode one grey frame of 8 or 16 bits; raises Invalid for what has no such form."""
    fits = frame.ndim == GREY and frame.dtype.kind in "iu" and frame.dtype.itemsize <= GREY
    if not fits or max(frame.shape) > SIDES:
        raise Invalid("this frame can't be had in that syntax: accept transfer-syntax=*")
    plain = np.ascontiguousarray(frame, frame.dtype.newbyteorder("="))
    if syntax == JPEG_LS:
        # its codestream knows no sign: the same bits, read by PixelRepresentation
        return bytes(imagecodecs.jpegls_encode(plain.view(f"u{plain.dtype.itemsize}")))
    return bytes(imagecodecs.htj2k_encode(plain, reversible=True, tlm=syntax == HTJ2K_RPCL))
