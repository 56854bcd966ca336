"""The plain parts of results: values whose fields are those of a schema in the document.

A row names the class, the schema, and the fields in their order, each as
`name<path=default`: the path where the value stands elsewhere, the default where it may be missing.
`-` before a name keeps it out of the `repr`, `~` out of comparisons. Types and texts are the
schema's. Classes with methods of their own are written by hand on a class from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from document import resolved
from text import head, wrapped


@dataclass(frozen=True)
class Shape:
    """A class from a schema; `types` are those that the schema doesn't tell, `options` those of
    `dataclass`. `raw` keeps the whole reply, too; `doc` says more than the schema, and
    `facts` gathers what no field has."""

    name: str
    schema: str
    fields: str
    base: str = "Value"
    types: Mapping[str, str] = field(default_factory=dict)
    options: str = ", kw_only=True"
    raw: str = ""
    doc: str = ""
    facts: bool = False


_RAW, _NO_EQ = "at(whole=True, repr=False, compare=False)", ", eq=False, kw_only=True"
_PLAIN = ""
_FLOATS = "tuple[float, ...]"
SHAPES = (
    Shape("ModelRef", "ModelIdentity", "id='' version='' sha256=None digest=None", options=_PLAIN),
    Shape(
        "Warned", "ReplyWarning", "code='' detail=''", options=_PLAIN,
        doc="Something that the service did to the image or the answer and that one should know.",
    ),
    Shape(
        "Prediction", "PredictedClass", "label class_id score",
        types={"score": "float"}, options=_PLAIN,
    ),
    Shape("ObjectClass", "KnownClass", "label class_id color", options=_PLAIN),
    Shape(
        "Grid", "OcclusionGrid", "rows cols window=() stride=() border='' x=() y=()",
        types=dict.fromkeys(("window", "stride"), "tuple[int, ...]"), options=_PLAIN,
        doc="Where the windows stood, in pixels of the image.",
    ),
    Shape(
        "WhatIf", "HiddenPart", "targets before after difference",
        types=dict.fromkeys(("before", "after", "difference"), _FLOATS), options=_PLAIN,
    ),
    Shape(
        "UnitActivity", "UnitResponse", "unit max mean place position box", options=_PLAIN,
        doc="One unit of a layer: its greatest value and its mean over the map (None where not "
        "finite), and where the greatest value is, on the map and around it in image pixels.",
    ),
    Shape("EvaluationRun", "EvaluationRun", "id name task -options created touched chunks rows"),
    Shape(
        "JudgedRequirement", "JudgedRequirement",
        "requirement metric of value relation bound p_value outcome undefined detail",
        options=_PLAIN,
    ),
    Shape("RunChunk", "RunChunk", "key rows sha256", options=_PLAIN),
    Shape(
        "CollectionInfo", "CollectionDescription", "name model layer metric dim items", raw=_RAW
    ),
    Shape(
        "IndexInfo", "IndexDescription",
        "method m ef_construction indexed waiting recall<recall.value",
        types={"recall": "float"}, raw=_RAW,
        doc="An index of a collection. `recall` is the measured share of the 10 true neighbours "
        'that it finds with 100 candidates; `raw["recalls"]` has further settings.',
    ),
    Shape("ConceptScores", "ConceptScores", "items score deviation -scores accuracy -accuracies"),
    Shape(
        "ConceptTest", "TestedConcept",
        "layer -target n runs size concept random p matched significant -inputs -warnings",
        types={"target": "Json", "inputs": "tuple[Json, ...]"}, raw=_RAW,
    ),
    Shape("Neighbor", "Neighbor", "id distance ~metadata"),
    Shape(
        "Detection", "DetectedObject", "id label class_id score box -uuid",
        doc="An object by its box; `id` counts from 1, `uuid` is its id in GeoJSON.",
    ),
    Shape(
        "Segment", "SegmentedObject",
        "area_px area_um2=None centroid mean_intensity -rle -~polygons<outline=None",
        "Detection", {"polygons": "tuple[Polygon, ...]"},
        doc="An object by its pixels, which have the value `id` in the label image.\n\n"
        "`area_um2` is None where the pixel size is unknown. `centroid` is x, y. `mean_intensity` "
        "has one value per channel, in the image's own values; None where no pixel is finite. "
        "`rle` is the mask in COCO's run-length encoding. `polygons` are None where no outlines "
        "were asked for.",
    ),
    Shape(
        "Solid", "SolidObject",
        "id label class_id score box zmin<box.zmin zmax<box.zmax voxels "
        "volume_um3=None centroid",
        types={"score": "float | None"},
        doc="An object through the planes zmin to zmax - 1 of a stack.\n\n`box` are its edges in "
        "x and y, `centroid` is x, y, z; z is in planes from the first one's face.",
    ),
    Shape(
        "Layer", "LayerSummary", "name shape<output_shape=None",
        types={"shape": "tuple[int | None, ...] | None"},
        raw="at(whole=True, default_factory=dict, repr=False)",
    ),
)  # fmt: skip
# Those that a class written by hand stands on.
BASES = (
    Shape(
        "MetricEstimate", "MetricEstimate",
        "value ci method n undefined ci_undefined=None clipped",
    ),
    Shape(
        "MetricDifference", "MetricDifference",
        "a b difference ci method p_value undefined ci_undefined", options=_PLAIN,
    ),
    Shape(
        "NearestItems", "NearestItems",
        "found<neighbors metric exact searched recall<recall.value=None",
        options=_NO_EQ, raw="at(whole=True, repr=False)",
    ),
    Shape(
        "FilterList", "FilterList", "layer type -weights total first -ranges",
        types={"ranges": "npt.NDArray[np.float64]"},
        options=_NO_EQ, raw="at(whole=True, repr=False)",
    ),
    Shape(
        "ItemGroups", "ItemClusters",
        "k inertia silhouette<silhouette.value=None -ids -labels sizes<clusters.size "
        "-members<clusters.members",
        types={
            "ids": "tuple[str, ...]", "labels": "npt.NDArray[np.int64]", "sizes": "tuple[int, ...]",
            "members": "tuple[tuple[str, ...], ...]",
        },
        options=_NO_EQ, raw="at(whole=True, repr=False)",
    ),
    Shape(
        "ModelFacts", "ModelDescription", "id version='' task='' state='' licence=''",
        types={"state": "str"}, raw="at(whole=True, default_factory=dict, repr=False)",
    ),
)  # fmt: skip
# Answers, whose classes by hand draw and save them.
ANSWERS = (
    Shape(
        "ClassMapResult", "ClassMapResult", "predictions -map=None -map_labels<map.labels=()",
        "Result", options=_NO_EQ,
    ),
    Shape(
        "EmbeddingResult", "EmbeddingResult", "-vector<embedding layer='' normalized=False",
        "Result", {"vector": "npt.NDArray[np.float32]"}, _NO_EQ,
    ),
    Shape(
        "ActivationsResult", "ActivationsResult", "layer units -maps -receptive_field",
        "Result", options=_NO_EQ,
    ),
    Shape(
        "ProjectedItems", "ProjectionDescription",
        "id method -ids<points.ids trustworthiness<trustworthiness.value=None -placed",
        "Asked", options=_NO_EQ, raw="at(whole=True, repr=False)",
    ),
    Shape(
        "EnlargedResult", "SuperresolutionResult",
        "axes<image.axes scale pixel_size<image.pixel_size=None psnr=None ssim=None",
        "Result", options=_NO_EQ,
    ),
    Shape("ClassEvaluation", "ClassMetrics", "label metrics -curves={}"),
    Shape(
        "PartEvaluation", "PartMetrics", "column value n metrics -pooled={} -per_class=()",
        types={"pooled": "Mapping[str, Estimate]"},
    ),
    Shape(
        "ReportFields", "ClassificationReport",
        "task n metrics -pooled={} -per_class=() -by=() -curves={} -confusion=None "
        "-operating_point=None "
        "-worst -excluded warnings -requirements=() -conventions input_sha256",
        "Reported",
        types={"pooled": "Mapping[str, Estimate]", "curves": "Json"},
        options=_NO_EQ, raw="at(whole=True, repr=False)",
        doc="What the reports of all tasks say.",
    ),
    Shape(
        "RunComparison", "RunComparison",
        "task n metrics -pooled={} -only_a -only_b warnings -requirements=()",
        "Reported",
        options=_NO_EQ, raw="at(whole=True, repr=False)",
    ),
    Shape(
        "SaliencyResult", "SmoothGradResult",
        "method target score=None -map -region<map.region=None",
        "Heatmap", {"region": "Region | None"}, _NO_EQ,
        facts=True, doc="What every method says of the pixels that matter.",
    ),
    Shape(
        "OcclusionResult", "OcclusionResult",
        "grid=None targets=() base=EMPTY -scores=EMPTY -map=None -region<map.region=None "
        "what_if=None -most_probable=None",
        "Heatmap",
        dict.fromkeys(("base", "scores"), "npt.NDArray[np.float64]")
        | {"region": "Region | None", "most_probable": "npt.NDArray[np.float64] | None"},
        _NO_EQ, facts=True,
    ),
)  # fmt: skip
# Places, as named tuples.
TUPLES = {"Point": "ImagePoint", "SolidPoint": "SolidPoint"}
_REFERENCES = {
    "BoundingBox": "Box",
    "SolidBox": "Box",
    "ImagePoint": "Point",
    "SolidPoint": "SolidPoint",
    "EncodedArray": "FloatArray",
    "ScoreMaps": "FloatArray",
    "SaliencyValues": "FloatArray",
    "TargetMaps": "FloatArray",
    "ExplainedTarget": "Target",
} | {each.schema: each.name for each in SHAPES}
_REFERENCES |= {
    "MetricEstimate": "Estimate",
    "MetricDifference": "Difference",
    "ClassMetrics": "ClassEvaluation",
    "PartClassMetrics": "ClassEvaluation",
    "PartMetrics": "PartEvaluation",
}
_SCALARS = {"integer": "int", "number": "float", "string": "str", "boolean": "bool"}
_FIELD = re.compile(r"([-~]*)(\w+)(?:<([\w.]+))?(?:=(.+))?")
_HEAD = '''"""Values whose fields are those of the service's schemas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from brightfield_client.arrays import FloatArray
from brightfield_client.results.places import Box, Polygon
from brightfield_client.results.target import Target
from brightfield_client.results.value import Json, Value, at
'''
_HEAD_OF_ANSWERS = '''"""What the service says, for the classes that draw and save it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brightfield_client.arrays import FloatArray
from brightfield_client.results._shapes import (
    Grid,
    JudgedRequirement,
    Prediction,
    UnitActivity,
    Warned,
    WhatIf,
)
from brightfield_client.results.asked import Asked, Reported
from brightfield_client.results.estimates import Difference, Estimate
from brightfield_client.results.heatmap import Heatmap, Region
from brightfield_client.results.result import Result
from brightfield_client.results.target import Target
from brightfield_client.results.value import Json, Value, at

EMPTY: npt.NDArray[np.float64] = np.zeros(0)
'''


def answers(document: Mapping[str, Any]) -> str:
    """A frozen dataclass for the answers of endpoints."""
    lines = [head("docs/openapi.json and docs/client/shapes.py"), _HEAD_OF_ANSWERS]
    for shape in ANSWERS:
        lines += _class(document, shape)
    return "\n".join(lines) + "\n"


def shapes(document: Mapping[str, Any]) -> str:
    """A frozen dataclass for each row."""
    lines = [head("docs/openapi.json and docs/client/shapes.py"), _HEAD]
    for name, schema in TUPLES.items():
        lines += _tuple(name, document["components"]["schemas"][schema])
    for shape in (*SHAPES, *BASES):
        lines += _class(document, shape)
    return "\n".join(lines) + "\n"


def _tuple(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"class {name}(NamedTuple):\n{_docstring(schema['description'])}\n"
    for each in schema["required"]:
        yield f"    {each}: {result_type(schema['properties'][each])}"


def _class(document: Mapping[str, Any], shape: Shape) -> Iterator[str]:
    schema = document["components"]["schemas"][shape.schema]
    yield f"@dataclass(frozen=True{shape.options})\nclass {shape.name}({shape.base}):"
    yield _docstring(shape.doc or schema["description"]) + "\n"
    for token in shape.fields.split():
        yield from _field(document, shape, token)
    if shape.facts:
        yield '    facts: Json = at(rest=True, repr=False)\n    """What else is said."""'
    if shape.raw:
        yield f'    raw: Json = {shape.raw}\n    """The whole reply."""'


def _field(document: Mapping[str, Any], shape: Shape, token: str) -> Iterator[str]:
    found = _FIELD.fullmatch(token)
    assert found is not None, token
    marks, name, path, default = found.groups()
    said = document["components"]["schemas"][shape.schema]
    for key in (path or name).split("."):
        said = _not_null(document, said).get("properties", {}).get(key, {})
    kind = shape.types.get(name) or result_type(said)
    if default == "None" and "None" not in kind:
        kind = f"{kind} | None"
    options = [f'"{path}"'] if path else []
    factories = {"EMPTY": "lambda: EMPTY", "{}": "dict"}
    made = f"default_factory={factories[default]}" if default in factories else f"default={default}"
    options += [made] if default and (marks or path or default in factories) else []
    options += ["repr=False"] if "-" in marks else []
    options += ["compare=False"] if "~" in marks else []
    value = f" = at({', '.join(options)})" if options else f" = {default}" if default else ""
    yield f"    {name}: {kind}{value}"
    if text := said.get("description"):
        yield _docstring(text)


def _docstring(text: str) -> str:
    """A text of the service's in Python's words."""
    said = re.sub(r"\b[Nn]ull\b", "None", text)
    end = "\n    " if "\n\n" in said else ""
    return f'    """{wrapped(said, "    ", False)}{end}"""'


def _not_null(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema, or of a schema or null the former."""
    options = schema.get("anyOf", (schema,))
    return resolved(document, next(each for each in options if each.get("type") != "null"))


def result_type(schema: Mapping[str, Any]) -> str:
    """The type of a part of a reply: tuples for arrays, the SDK's class for what has one."""
    if "$ref" in schema:
        return _REFERENCES.get(schema["$ref"].rpartition("/")[2], "Json")
    if options := schema.get("anyOf"):
        return " | ".join(dict.fromkeys(result_type(option) for option in options))
    if schema.get("type") == "array":
        inner, length = result_type(schema["items"]), schema.get("maxItems")
        fixed = length is not None and length == schema.get("minItems")
        return f"tuple[{', '.join([inner] * length)}]" if fixed else f"tuple[{inner}, ...]"
    if isinstance(further := schema.get("additionalProperties"), Mapping):
        return f"Mapping[str, {result_type(further)}]"
    return {"null": "None", **_SCALARS}.get(schema.get("type", ""), "Json")
