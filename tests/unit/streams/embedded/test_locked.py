"""The lock says exactly what runs."""

import re
from dataclasses import replace
from pathlib import Path

from streams.embedded.locked import JarLock, read_lock, write_lock


def version_of(lock: JarLock, artifact: str) -> str:
    [version] = {jar.version for jar in lock.kafka if jar.artifact == artifact}
    return version


def test_every_file_has_a_size_and_a_sha256() -> None:
    lock = read_lock()
    for jar in (*lock.kafka, lock.registry):
        assert jar.size_bytes > 0, jar.artifact
        assert re.fullmatch("[0-9a-f]{64}", jar.sha256), jar.artifact
    assert re.fullmatch("[0-9a-f]{64}", lock.registry.content_sha256)


def test_the_parts_of_kafka_are_of_one_version() -> None:
    lock = read_lock()
    versions = {jar.artifact: jar.version for jar in lock.kafka if jar.group == "org.apache.kafka"}
    assert versions["kafka_2.13"] == versions["kafka-clients"] == "4.3.1"
    assert len(set(versions.values())) == 1


def test_the_logging_parts_are_of_one_version() -> None:
    lock = read_lock()
    assert version_of(lock, "log4j-slf4j-impl") == version_of(lock, "log4j-core") == version_of(lock, "log4j-api")


def test_no_file_is_listed_twice() -> None:
    files = [jar.file for jar in read_lock().kafka]
    assert len(files) == len(set(files))


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    lock = read_lock()
    shorter = replace(lock, kafka=lock.kafka[:2])
    write_lock(shorter, tmp_path / "jars.toml")
    assert read_lock(tmp_path / "jars.toml") == shorter


def test_files_lie_as_in_a_maven_repository() -> None:
    lock = read_lock()
    assert lock.kafka[0].file == Path("org/apache/kafka/kafka_2.13/4.3.1/kafka_2.13-4.3.1.jar")
    assert lock.registry.file.name == "apicurio-registry-app-2.6.13.Final-all.tar.gz"
