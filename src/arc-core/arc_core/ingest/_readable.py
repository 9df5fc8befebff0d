"""Which requests the engine can read by itself, found out by protobuf in C.

The engine has no recursive types, so a list of pairs and an array within an array are not in its schema
(`store/otlp/traces.proto`). Here OTLP's own messages are built once more, with a required field nobody sends where such
a value would be: a request that holds one is "not initialized", which protobuf says without Python looking at a value.
An array without members, which the engine cannot tell from no value, is found in the same way.
"""

from functools import cache
from typing import Any, Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

_UNREAD: Final = ".arc.unread.Unread"
_FILLED: Final = ".arc.unread.Filled"
_NEVER_SENT: Final = 2**29 - 1
"""The highest field number there is."""

COST_FIELD: Final = 1000
"""What Arc Core adds to a span: `cost_usd` of `store/otlp/traces.proto`."""


@cache
def resource_spans() -> Any:
    """Return the class of `ResourceSpans` whose `IsInitialized` is false with lists of pairs or arrays in arrays."""
    return _resource_spans(_common())


@cache
def filled_resource_spans() -> Any:
    """Return the class of `ResourceSpans` whose `IsInitialized` is false with an array that has no members."""
    return _resource_spans(_filled())


def _resource_spans(common: FileDescriptorProto) -> Any:
    pool = DescriptorPool()
    for file in (_unread(), common, _moved(resource_pb2), _moved(trace_pb2)):
        pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("arc.opentelemetry.proto.trace.v1.ResourceSpans"))


def _unread() -> FileDescriptorProto:
    file = FileDescriptorProto(name="arc/unread.proto", package="arc.unread", syntax="proto2")
    for name, field_name, number, kind in (
        ("Unread", "never_sent", _NEVER_SENT, FieldDescriptorProto.TYPE_INT32),
        ("Filled", "values", 1, FieldDescriptorProto.TYPE_BYTES),
    ):
        field = file.message_type.add(name=name).field.add(name=field_name, number=number)
        field.type, field.label = kind, FieldDescriptorProto.LABEL_REQUIRED
    return file


def _common() -> FileDescriptorProto:
    file, value = _with_unread()
    element = file.message_type.add()
    element.CopyFrom(value)
    element.name = "Element"
    _retype(element, {"array_value": _UNREAD, "kvlist_value": _UNREAD})
    _retype(value, {"kvlist_value": _UNREAD})
    array = next(one for one in file.message_type if one.name == "ArrayValue")
    array.field[0].type_name = f".{file.package}.Element"
    return file


def _filled() -> FileDescriptorProto:
    file, value = _with_unread()
    _retype(value, {"array_value": _FILLED})
    return file


def _with_unread() -> tuple[FileDescriptorProto, Any]:
    """Return the file of common messages, and its `AnyValue`."""
    file = _moved(common_pb2)
    file.dependency.append("arc/unread.proto")
    return file, next(one for one in file.message_type if one.name == "AnyValue")


def _retype(message: Any, types: dict[str, str]) -> None:
    for field in message.field:
        if field.name in types:
            field.type_name = types[field.name]


def _moved(module: Any) -> FileDescriptorProto:
    """Return the file of `module` under another name, so that it does not meet the one that is installed."""
    file = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    file.ClearField("options")
    file.name, file.package = f"arc/{file.name}", f"arc.{file.package}"
    file.dependency[:] = [f"arc/{name}" for name in file.dependency]
    for message in file.message_type:
        for kind in (message, *message.nested_type):
            for field in kind.field:
                if field.type_name:
                    field.type_name = f".arc{field.type_name}"
        if message.name == "Span":
            cost = message.field.add(name="cost_usd", number=COST_FIELD)
            cost.type, cost.label = FieldDescriptorProto.TYPE_DOUBLE, FieldDescriptorProto.LABEL_OPTIONAL
            cost.proto3_optional = True
            cost.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name="_cost_usd")
    return file
