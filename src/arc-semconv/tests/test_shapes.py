import arc_semconv
import msgspec
from arc_semconv import attributes, kinds
from arc_semconv.fixes import Change


def constants():
    return {name: value for name, value in vars(attributes).items() if name.isupper()}


def test_no_two_names_stand_for_the_same_attribute():
    values = list(constants().values())
    assert len(values) == len(set(values))


def test_what_the_conventions_lack_lives_under_arc():
    own = {value.partition(".")[0] for value in constants().values() if "." in value}
    assert own <= {
        "gen_ai",
        "openai",
        "error",
        "server",
        "http",
        "service",
        "exception",
        "telemetry",
        "session",
        "process",
        "arc",
    }


def test_every_kind_is_named_and_only_a_person_s_action_has_no_operation():
    assert set(kinds.NAMING) == set(kinds.Kind)
    assert [kind for kind, naming in kinds.NAMING.items() if not naming.operation] == [kinds.Kind.ACTION]


def test_a_change_travels_without_the_values_it_does_not_have():
    assert msgspec.json.encode(Change("stop", "delete", ["x"])) == b'{"path":"stop","op":"delete","old":["x"]}'
    assert msgspec.json.encode(Change("seed", new=None)) == b'{"path":"seed","new":null}'
    assert msgspec.json.decode(b'{"path":"seed","new":null}', type=Change) == Change("seed", new=None)


def test_what_is_public_is_what_is_there():
    assert sorted(arc_semconv.__all__) == sorted(name for name in vars(arc_semconv) if not name.startswith("_"))
