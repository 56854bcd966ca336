"""ImageJ itself opens what is written for it: depth, volume, positions and names as they went in.

Needs Debian's libij-java and default-jre-headless, and JPype to ask them; skipped without them, but
a failure if BRIGHTFIELD_IMAGEJ_TESTS is `required`, as where a change is checked.
"""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brightfield.images.encode import tiff

from .test_volume import TRUTH, volume

pytestmark = pytest.mark.slow
JAR = Path(os.environ.get("IMAGEJ_JAR", "/usr/share/java/ij.jar"))


@pytest.fixture(scope="module")
def java() -> Any:
    lacking = (
        pytest.fail if os.environ.get("BRIGHTFIELD_IMAGEJ_TESTS") == "required" else pytest.skip
    )
    try:
        import jpype
    except ImportError:
        lacking("JPype, which asks ImageJ, is not installed")
    if not JAR.exists():
        lacking(f"ImageJ is not at {JAR}")
    if not jpype.isJVMStarted():
        jpype.startJVM("-Djava.awt.headless=true", classpath=[str(JAR)])
    return jpype


@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
def test_the_size_of_a_voxel_is_read(java: Any, tmp_path: Path, dtype: str) -> None:
    file = tmp_path / "labels.tif"
    file.write_bytes(tiff(TRUTH.astype(dtype), "ZYX", 0.25, 2.0, (100, 50), {"Method": "x"}))
    image = java.JClass("ij.io.Opener")().openImage(str(file))
    calibration = image.getCalibration()
    assert (image.getNSlices(), image.getNChannels()) == (5, 1)
    assert (calibration.pixelWidth, calibration.pixelDepth) == (0.25, 2.0)
    assert (calibration.xOrigin, calibration.yOrigin) == (-100, -50)
    planes = [np.array(image.getStack().getProcessor(z + 1).getFloatArray()).T for z in range(5)]
    np.testing.assert_array_equal(np.stack(planes), TRUTH)
    voxel = calibration.pixelWidth * calibration.pixelHeight * calibration.pixelDepth
    for solid in volume().objects:
        assert solid.volume_um3 == pytest.approx((np.stack(planes) == solid.id).sum() * voxel)


def test_regions_lie_where_the_labels_do(java: Any) -> None:
    decoder = java.JClass("ij.io.RoiDecoder")
    found = np.zeros_like(TRUTH)
    with zipfile.ZipFile(io.BytesIO(volume().rois())) as archive:
        for name in archive.namelist():
            region = decoder.openFromByteArray(java.JArray(java.JByte)(archive.read(name)))
            assert f"{region.getName()}.roi" == name
            number = int(str(region.getName()).split("-")[1])
            depth = int(region.getPosition())
            assert str(region.getName()).endswith(f"-z{depth}")
            for point in region.getContainedPoints():
                found[depth - 1, point.y, point.x] = number
    np.testing.assert_array_equal(found, TRUTH)
