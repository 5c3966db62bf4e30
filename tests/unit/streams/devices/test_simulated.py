import io
import json
from datetime import UTC, datetime

import pytest
from PIL import Image

from streams.devices import simulated
from streams.devices.scenes import CAMERA_MAKER, draw_scene
from streams.devices.simulated import FORBIDDEN_VALUES, Sighting

NOW = datetime(2026, 3, 5, tzinfo=UTC)


def test_the_same_arguments_give_the_same_scene_and_others_another() -> None:
    assert draw_scene("QXZ8120", "MN", 1) == draw_scene("QXZ8120", "MN", 1)
    assert draw_scene("QXZ8120", "MN", 1).surroundings != draw_scene("QXZ8120", "MN", 2).surroundings
    assert draw_scene("QXZ8120", "MN").plate != draw_scene("QXZ8121", "MN").plate


def test_scenes_are_jpegs_with_the_metadata_of_a_camera() -> None:
    scene = draw_scene("A", None)
    for content in (scene.plate, scene.vehicle, scene.surroundings):
        with Image.open(io.BytesIO(content)) as image:
            assert image.format == "JPEG"
            assert CAMERA_MAKER in image.getexif().values()


@pytest.mark.parametrize("build", [simulated.openalpr_group, simulated.rekor_group, simulated.rekor_alert])
def test_messages_are_json_the_same_each_time_and_full_of_what_must_not_be_kept(build: object) -> None:
    sighting = Sighting(plate="QXZ8120", state="MN", at=NOW, uuid="x", scene=draw_scene("QXZ8120", "MN"))
    text = json.dumps(build(sighting))  # type: ignore[operator]
    assert text == json.dumps(build(sighting))  # type: ignore[operator]
    assert sum(value in text for value in FORBIDDEN_VALUES) >= 5


def test_a_vehicle_message_holds_no_plate() -> None:
    assert "QXZ8120" not in json.dumps(simulated.rekor_vehicle(Sighting(plate="QXZ8120", state="MN", at=NOW, uuid="x")))


def test_the_plate_is_not_in_the_repr() -> None:
    assert "QXZ8120" not in repr(Sighting(plate="QXZ8120", state="MN", at=NOW, uuid="x"))
