"""Draws what a simulated reader sees: a plate, the vehicle that bears it, the street around. Invented, never a photo.

The JPEGs carry what real readers put into theirs (EXIF with maker and position, a comment), so that its removal is
exercised wherever they are used.
"""

import io
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

CAMERA_MAKER = "Invented Optics Readercam"

_MAKE, _GPS_DIRECTORY, _LATITUDE_REFERENCE = 0x010F, 0x8825, 1
_PLATE_SIZE = (240, 120)
_SCENE_SIZE = (960, 540)
_CAR_COLOURS = ("#8f1d21", "#1f3a5f", "#3d4a3f", "#b8b8b8", "#202020", "#e8e4d8")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Three JPEG files of one passing car."""

    plate: bytes
    vehicle: bytes
    surroundings: bytes


def draw_scene(plate: str, state: str | None, seed: int = 0) -> Scene:
    """The pictures of one car; the same arguments give the same bytes."""
    chance = random.Random(f"{plate}/{state}/{seed}")
    plate_image = _draw_plate(plate, state or "")
    scene = _draw_street(chance)
    at = (chance.randint(180, 420), chance.randint(150, 210))
    box = _draw_car(scene, plate_image, at, chance.choice(_CAR_COLOURS))
    return Scene(plate=_jpeg(plate_image), vehicle=_jpeg(scene.crop(box)), surroundings=_jpeg(scene))


def _draw_plate(plate: str, state: str) -> Image.Image:
    image = Image.new("RGB", _PLATE_SIZE, "#f4f6f8")
    draw = ImageDraw.Draw(image)
    width, height = _PLATE_SIZE
    draw.rectangle((0, 0, width, 24), fill="#2b5c9a")
    draw.text((width / 2, 12), state, fill="white", font=ImageFont.load_default(18), anchor="mm")
    size = min(64, int(width * 1.5 / max(len(plate), 1)))
    draw.text((width / 2, 70), plate, fill="#14213d", font=ImageFont.load_default(size), anchor="mm")
    draw.rounded_rectangle((2, 2, width - 3, height - 3), radius=10, outline="#14213d", width=3)
    return image


def _draw_street(chance: random.Random) -> Image.Image:
    image = Image.new("RGB", _SCENE_SIZE, "#a9c3d9")
    draw = ImageDraw.Draw(image)
    width, height = _SCENE_SIZE
    for left in range(0, width, 120):
        top = chance.randint(40, 160)
        draw.rectangle((left, top, left + 110, 300), fill=chance.choice(("#7d6b5d", "#8c8c86", "#6e7b8b")))
    draw.rectangle((0, 300, width, height), fill="#4a4d52")
    for left in range(chance.randint(0, 60), width, 140):
        draw.rectangle((left, 420, left + 70, 428), fill="#d9d06a")
    return image


def _draw_car(scene: Image.Image, plate: Image.Image, at: tuple[int, int], colour: str) -> tuple[int, int, int, int]:
    """Draws it from behind and returns the box around it."""
    left, top = at
    draw = ImageDraw.Draw(scene)
    draw.rounded_rectangle((left + 40, top, left + 320, top + 130), radius=40, fill=colour)
    draw.rounded_rectangle((left + 70, top + 18, left + 290, top + 90), radius=20, fill="#1c2733")
    draw.rounded_rectangle((left, top + 100, left + 360, top + 250), radius=24, fill=colour)
    for lamp in (left + 14, left + 300):
        draw.rounded_rectangle((lamp, top + 130, lamp + 46, top + 156), radius=6, fill="#c8102e")
        draw.rectangle((lamp + 4, top + 240, lamp + 42, top + 285), fill="#111111")
    small = plate.resize((120, 60))
    scene.paste(small, (left + 120, top + 165))
    return left - 10, top - 10, left + 370, top + 295


def _jpeg(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[_MAKE] = CAMERA_MAKER
    exif.get_ifd(_GPS_DIRECTORY)[_LATITUDE_REFERENCE] = "N"
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80, exif=exif, comment=CAMERA_MAKER)
    return file.getvalue()
