"""Which requests the engine can read by itself, found out by protobuf in C.

The engine has no recursive types, so a list of pairs and an array within an array are not in its schema
(`store/otlp/traces.proto`). Here OTLP's own messages are built once more, with a required field nobody sends where such
a value would be: a request that holds one is "not initialized", which protobuf says without Python looking at a value.
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
_NEVER_SENT: Final = 2**29 - 1
"""The highest field number there is."""

COST_FIELD: Final = 1000
"""What Arc Core adds to a span: `cost_usd` of `store/otlp/traces.proto`."""


@cache
def resource_spans() -> Any:
    """Return the class of `ResourceSpans` whose `IsInitialized` says whether the engine reads all of its values."""
    pool = DescriptorPool()
    pool.Add(_unread())
    pool.Add(_common())
    for module in (resource_pb2, trace_pb2):
        pool.Add(_moved(module))
    return GetMessageClass(pool.FindMessageTypeByName("arc.opentelemetry.proto.trace.v1.ResourceSpans"))


def _unread() -> FileDescriptorProto:
    file = FileDescriptorProto(name="arc/unread.proto", package="arc.unread", syntax="proto2")
    field = file.message_type.add(name="Unread").field.add(name="never_sent", number=_NEVER_SENT)
    field.type, field.label = FieldDescriptorProto.TYPE_INT32, FieldDescriptorProto.LABEL_REQUIRED
    return file


def _common() -> FileDescriptorProto:
    file = _moved(common_pb2)
    file.dependency.append("arc/unread.proto")
    value = next(one for one in file.message_type if one.name == "AnyValue")
    element = file.message_type.add()
    element.CopyFrom(value)
    element.name = "Element"
    for field in element.field:
        if field.name in ("array_value", "kvlist_value"):
            field.type_name = _UNREAD
    for field in value.field:
        if field.name == "kvlist_value":
            field.type_name = _UNREAD
    array = next(one for one in file.message_type if one.name == "ArrayValue")
    array.field[0].type_name = f".{file.package}.Element"
    return file


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
