"""`ARC_REDACTION_POLICY` in a program of its own: in force, or telemetry is off."""

CONSOLE = {"OTEL_TRACES_EXPORTER": "console", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"}


def test_a_policy_that_can_t_be_read_switches_telemetry_off_and_the_program_runs(run, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("actions: {EMAIL: burn}")
    done = run(ARC_REDACTION_POLICY=str(policy), **CONSOLE)
    assert done.returncode == run(instrumented=False).returncode
    assert b"telemetry is off: redaction policy" in done.stderr
    assert b"burn" in done.stderr
    assert b"trace_id" not in done.stdout


def test_a_policy_is_in_force(run, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("actions: {CARD: mask}")
    done = run(ARC_REDACTION_POLICY=str(policy), **CONSOLE)
    assert b"**** **** **** 1111" in done.stdout
    assert b"<EMAIL>" in done.stdout


def test_what_is_replaced_is_counted_in_a_metric_by_its_type(run):
    done = run(OTEL_METRICS_EXPORTER="console", **CONSOLE)
    metrics = done.stdout.decode(errors="replace").partition('"name": "arc.redaction.count"')[2]
    assert '"arc.redaction.type": "EMAIL"' in metrics
