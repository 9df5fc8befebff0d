"""A real Kafka broker in a process of its own: one node of KRaft, on free loopback ports."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from arc_testing._collector import free_ports
from arc_testing._waiting import eventually

__all__ = ["RunningKafka", "running_kafka"]

_CLUSTER = "QXJjVGVzdHNLYWZrYTAwMQ"
"""16 bytes in base64url: any will do."""

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=BROKER://127.0.0.1:{port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
log.dirs={folder}/data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"""

_LOGGING = """\
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c %m%n
"""

_JAVA = ("java", "-Xms128m", "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""It lives for a minute: the second compiler would cost more than it gains."""

_LOADING = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)
"""For a moment after its start, it does not know its groups."""

_SECONDS = 30
"""How long it may take to answer."""


class RunningKafka:
    """A broker over one folder, which keeps its address when it is started again."""

    def __init__(self, folder: Path) -> None:
        """Lay out its storage in `folder`; AssertionError when `make kafka` was not run."""
        self._jars = Path(sys.prefix) / "kafka"
        assert self._jars.is_dir(), "no Kafka here: `make kafka` fetches it"
        port, controller = free_ports(2)
        self.folder = folder
        self.address = f"127.0.0.1:{port}"
        """`host:port`: what clients call a bootstrap server."""
        self._process: subprocess.Popen[bytes] | None = None
        # Its log would be of connections refused: the broker is killed on purpose.
        self._admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        self._properties = folder / "server.properties"
        self._properties.write_text(_PROPERTIES.format(port=port, controller=controller, folder=folder))
        (folder / "log4j2.properties").write_text(_LOGGING)
        storage = ("kafka.tools.StorageTool", "format", "--standalone", "-t", _CLUSTER, "-c", str(self._properties))
        assert self._run(*storage).wait(120) == 0, self.log()

    def start(self) -> None:
        """Return once it answers."""
        self._process = self._run("kafka.Kafka", str(self._properties))
        eventually(self._answers, within_seconds=60)

    def kill(self) -> None:
        """End it as a crash does: with SIGKILL."""
        assert self._process is not None, "it is not running"
        self._process.kill()
        self._process.wait(20)
        self._process = None

    def create_topic(self, name: str, *, partitions: int = 1, **settings: int | str) -> None:
        """Make the topic `name`; `settings` are Kafka's own, with `_` for each dot."""
        config = {key.replace("_", "."): str(value) for key, value in settings.items()}
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=config)
        self._admin.create_topics([topic])[name].result(_SECONDS)

    def ends(self, topic: str) -> dict[int, int]:
        """How many records were ever written to each partition."""
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = self._admin.list_offsets(dict.fromkeys(self._partitions(topic), latest))
        return {one.partition: future.result(_SECONDS).offset for one, future in asked.items()}

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """The offset from which `group` goes on in each partition; 0 where it has not committed any."""
        asked = ConsumerGroupTopicPartitions(group, self._partitions(topic))

        def ask() -> ConsumerGroupTopicPartitions | None:
            try:
                found: ConsumerGroupTopicPartitions = self._admin.list_consumer_group_offsets([asked])[group].result(
                    _SECONDS
                )
            except KafkaException as error:
                if error.args[0].code() not in _LOADING:
                    raise
                return None
            return found

        answer = eventually(ask, within_seconds=_SECONDS)
        return {one.partition: max(one.offset, 0) for one in (answer and answer.topic_partitions) or ()}

    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "log").read_text(errors="replace")

    def close(self) -> None:
        """End it if it runs."""
        if self._process is not None:
            self.kill()

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*_JAVA, logging, "-cp", f"{self._jars}/*", *command],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            return bool(self._admin.list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def _partitions(self, topic: str) -> list[TopicPartition]:
        known = self._admin.list_topics(topic, timeout=_SECONDS).topics[topic].partitions
        return [TopicPartition(topic, number) for number in known]


@contextmanager
def running_kafka(folder: Path) -> Iterator[RunningKafka]:
    """A broker that answers, over the empty folder `folder`; ended with the block."""
    kafka = RunningKafka(folder)
    try:
        kafka.start()
        yield kafka
    finally:
        kafka.close()
