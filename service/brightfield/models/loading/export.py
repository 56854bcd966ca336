"""Exported programs: `.pt2` files that torch.export.save wrote.

Such a file is a zip archive of a graph (JSON) and raw tensors, but it may also carry pickles,
compiled libraries and expressions that loading evaluates. Without trust only archives are
loaded whose every part is data.
"""

from __future__ import annotations

import ast
import io
import json
import pickle
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from brightfield.errors import UntrustedCode
from brightfield.models.loading.file_forms import FileForm, check_form
from brightfield.outages import DamagedWeights

# The members of an archive of raw tensors, below the folder that bears the archive's name.
_DATA = re.compile(
    r"models/model\.json|data/weights/(weight_\d+|model_weights_config\.json)"
    r"|data/constants/(tensor_\d+|model_constants_config\.json)|data/sample_inputs/model\.pt"
    r"|archive_format|archive_version|byteorder|\.data/[a-z_]+|version|extra/.*"
)
_SAMPLES = "data/sample_inputs/model.pt"

# Sizes are written as sympy expressions, which the loader has Python evaluate.
_SYMBOL = re.compile(r"[a-z]{1,3}\d+")
_FUNCTION = re.compile(
    r"Symbol|Integer|Float|Rational|Add|Mul|Pow|Max|Min|Mod|Abs|Eq|Ne|Ge|Gt|Le|Lt|And|Or|Not|True"
    r"|False|true|false|Equality|Unequality|(?:Strict)?GreaterThan|(?:Strict)?LessThan|floor|ceiling"
    r"|oo|int_oo|PythonMod|FloorDiv|CeilDiv|CleanDiv|CeilToInt|FloorToInt|IntTrueDiv|FloatTrueDiv"
    r"|TruncToInt|RoundToInt|ToFloat|PowByNatural|ModularIndexing|Where|Identity"
)
_SYNTAX = (
    ast.Expression, ast.Call, ast.keyword, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context,
)  # fmt: skip
# Registered operators and arithmetic; `torch.os.system` would be reached by the same look-up.
_OPERATOR = re.compile(
    r"#?torch\.ops\.(?:aten|torchvision|prims|higher_order)\.(?!from_file)\w+(?:\.\w+)?"
    r"|torch\.sym_\w+|math\.(?:ceil|floor|trunc|sqrt|pow)"
    r"|_operator\.(?:add|sub|mul|truediv|floordiv|mod|neg|pow|eq|ne|lt|le|gt|ge|and_|or_|not_|getitem)"
)


def load_export(path: Path, *, trust_model_code: bool) -> nn.Module:
    """The program as a module whose submodules bear their original names.

    Raises `UntrustedCode` for an archive that carries more than data (unless it is trusted) and
    `DamagedWeights` for a file that is no such archive, saying what it is instead.
    """
    check_form(path, FileForm.EXPORT)
    if not trust_model_code:
        _refuse_code(path)
    try:
        module: nn.Module = torch.export.unflatten(torch.export.load(path))
    except Exception as fault:  # the loader raises whatever its parsers raise
        raise DamagedWeights(
            f"{path.name} cannot be loaded as an exported program by PyTorch {torch.__version__}; "
            "save it again with torch.export.save."
        ) from fault
    return module


def _refuse_code(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            found = next(_code(archive), None)
    except (zipfile.BadZipFile, ValueError, KeyError) as fault:
        raise DamagedWeights(f"{path.name} is no archive of torch.export.save.") from fault
    if found is not None:
        raise UntrustedCode(
            f"{path.name} carries {found}, which could run code of its own. Export it again with "
            "plain tensors alone, or set trust_model_code if you trust where it comes from."
        )


def _code(archive: zipfile.ZipFile) -> Iterator[str]:
    """What in the archive is more than data, one phrase each."""
    for name in archive.namelist():
        member = name.partition("/")[2]
        if not _DATA.fullmatch(member):
            yield f"the member {member or name!r}"
        elif member == _SAMPLES and not _plain(archive.read(name)):
            yield "pickled sample inputs"
        elif member.endswith("_config.json") and b'"use_pickle": true' in archive.read(name):
            yield "pickled tensors"
        elif member.endswith("model.json"):
            yield from _foreign(json.loads(archive.read(name)))


def _is_arithmetic(text: str) -> bool:
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(_is_arithmetic_node(node) for node in nodes)


def _is_arithmetic_node(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name):
            return (_FUNCTION.fullmatch(name) or _SYMBOL.fullmatch(name)) is not None
        case ast.Constant(value=str(name)):
            return _SYMBOL.fullmatch(name) is not None
        case ast.Constant(value=value):
            return isinstance(value, int | float)
    return isinstance(node, _SYNTAX)


def _plain(pickled: bytes) -> bool:
    try:
        torch.load(io.BytesIO(pickled), weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        return False
    return True


def _foreign(node: object) -> Iterator[str]:
    """Expressions and operators of the graph that are none of the known ones."""
    if isinstance(node, list):
        for item in node:
            yield from _foreign(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "expr_str" and not _is_arithmetic(str(value)):
                yield f"the expression {value!r}"
            elif key in ("target", "as_operator") and not _OPERATOR.fullmatch(str(value)):
                yield f"the operator {value!r}"
            else:
                yield from _foreign(value)
