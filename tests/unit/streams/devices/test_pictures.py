import base64
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from platestream.errors import InvalidMessage
from streams.devices.pictures import MAX_PIXELS, MAX_SCANS, clean_picture, strip_metadata
from streams.devices.scenes import CAMERA_MAKER, draw_scene

LIMIT = 6 * 1024 * 1024
SCENE = draw_scene("QXZ8120", "MN")


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


SECRETS = {
    "exif": segment(0xE1, b"Exif\x00\x00SECRET"),
    "xmp": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00SECRET"),
    "icc": segment(0xE2, b"ICC_PROFILE\x00\x01\x01SECRET"),
    "jfif thumbnail": segment(0xE0, b"JFXX\x00\x10SECRET"),
    "jfif with a thumbnail": segment(0xE0, b"JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x01\x02SECRET"),
    "maker's own": segment(0xEF, b"SECRET"),
    "adobe with more in it": segment(0xEE, b"Adobe\x00\x64SECR\x01ET"),
    "comment": segment(0xFE, b"SECRET"),
    "fill bytes and a comment": b"\xff\xff" + segment(0xFE, b"SECRET"),
}


def sent(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB").tobytes()


def image(mode: str = "RGB", size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    chance = random.Random(5)
    drawn = Image.new(mode, size)
    drawn.putdata(
        [
            chance.randrange(256) if mode == "L" else (chance.randrange(256),) * len(mode)
            for _ in range(size[0] * size[1])
        ]
    )
    file = io.BytesIO()
    drawn.save(file, "JPEG", **options)
    return file.getvalue()


def reason_of(picture: object, limit: int = LIMIT) -> str:
    with pytest.raises(InvalidMessage) as caught:
        clean_picture(picture, limit)
    return caught.value.reason


@pytest.mark.rule("collection.closed")
@pytest.mark.parametrize("name", SECRETS)
def test_metadata_is_gone_and_the_pixels_are_the_same(name: str) -> None:
    plain = image()
    cleaned = clean_picture(sent(plain[:2] + SECRETS[name] + plain[2:]), LIMIT)
    assert b"SECR" not in cleaned
    if "adobe" not in name:
        assert pixels(cleaned) == pixels(plain)


@pytest.mark.rule("collection.closed")
@pytest.mark.parametrize("name", SECRETS)
def test_metadata_before_the_scan_and_bytes_after_the_end_are_gone(name: str) -> None:
    plain = image()
    at = plain.index(b"\xff\xda")
    cleaned = clean_picture(sent(plain[:at] + SECRETS[name] + plain[at:] + b"SECRET" + plain), LIMIT)
    assert b"SECR" not in cleaned
    assert len(cleaned) <= len(plain) + 16


def test_what_a_reader_puts_into_its_files_is_gone() -> None:
    for content in (SCENE.plate, SCENE.vehicle, SCENE.surroundings):
        assert CAMERA_MAKER.encode() in content
        cleaned = clean_picture(sent(content), LIMIT)
        assert CAMERA_MAKER.encode() not in cleaned
        assert b"Exif" not in cleaned
        assert pixels(cleaned) == pixels(content)
        with Image.open(io.BytesIO(cleaned)) as opened:
            assert not opened.getexif()
            assert set(opened.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_cleaning_is_the_same_each_time_and_changes_nothing_the_second_time() -> None:
    once = clean_picture(sent(SCENE.vehicle), LIMIT)
    assert clean_picture(sent(SCENE.vehicle), LIMIT) == once
    assert strip_metadata(once) == once


@pytest.mark.parametrize(
    "options",
    [
        {"progressive": True},
        {"mode": "L"},
        {"mode": "CMYK"},
        {"subsampling": 0, "quality": 100},
        {"restart_marker_blocks": 2},
        {"keep_rgb": True},
        {"size": (1, 1)},
    ],
    ids=str,
)
def test_all_ordinary_kinds_keep_their_pixels(options: dict[str, object]) -> None:
    plain = image(**options)  # type: ignore[arg-type]
    assert pixels(clean_picture(sent(plain), LIMIT)) == pixels(plain)


def test_fill_bytes_after_the_scan_are_gone() -> None:
    plain = image()
    assert clean_picture(sent(plain[:-2] + b"\xff\xff\xff" + plain[-2:]), LIMIT) == clean_picture(sent(plain), LIMIT)


def test_base64_in_lines_is_taken() -> None:
    lines = base64.encodebytes(SCENE.plate).decode()
    assert clean_picture(lines, LIMIT) == clean_picture(sent(SCENE.plate), LIMIT)


@pytest.mark.parametrize("picture", ["/9j/4AAQSkZJRgABAQAAAQAB...(3244 chars)", "é", "A", 17, None, ["x"], {"a": 1}])
def test_what_is_not_base64_is_refused(picture: object) -> None:
    assert reason_of(picture) == "picture-not-base64"


def test_a_picture_above_the_limit_is_refused() -> None:
    assert reason_of(sent(SCENE.plate), limit=len(SCENE.plate) - 1) == "picture-too-large"
    assert clean_picture(sent(SCENE.plate), len(SCENE.plate))


def test_other_files_are_refused() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    for content in (b"", b"hello", file.getvalue(), b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xe1\xff\xff"):
        assert reason_of(sent(content)) == "picture-not-jpeg"


def test_a_picture_without_pixels_in_it_is_refused() -> None:
    assert reason_of(sent(b"\xff\xd8" + SECRETS["comment"] + b"\xff\xd9")) == "picture-not-decodable"


def test_a_picture_cut_short_is_refused() -> None:
    for share in (0.3, 0.6, 0.99):
        assert reason_of(sent(SCENE.vehicle[: int(len(SCENE.vehicle) * share)])) in {
            "picture-not-decodable",
            "picture-not-jpeg",
        }


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    plain = image()
    at = plain.index(b"\xff\xc0") + 5
    bomb = plain[:at] + (65500).to_bytes(2, "big") * 2 + plain[at + 4 :]
    assert 65500**2 > MAX_PIXELS
    assert reason_of(sent(bomb)) == "picture-too-many-pixels"


def test_endless_scans_are_refused() -> None:
    plain = image(progressive=True)
    at = plain.rindex(b"\xff\xda")
    assert reason_of(sent(plain[:at] + plain[at:-2] * MAX_SCANS + plain[-2:])) == "picture-not-decodable"


def test_a_rare_kind_is_refused() -> None:
    plain = image()
    assert reason_of(sent(plain.replace(b"\xff\xc0", b"\xff\xc9", 1))) == "picture-not-jpeg"


@given(st.data())
def test_a_damaged_file_is_cleaned_or_refused_never_an_error(data: st.DataObject) -> None:
    content = bytearray(SCENE.plate)
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=20)):
        content[at] = data.draw(st.integers(0, 255))
    try:
        clean_picture(sent(bytes(content)), LIMIT)
    except InvalidMessage as error:
        assert error.reason.startswith("picture-")
