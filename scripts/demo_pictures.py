"""Pictures for a library to look at: drawn on the spot, the same every time."""

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Palette = tuple[Colour, ...]

_DUSK: Final[Palette] = ((28, 24, 62), (92, 52, 128), (214, 92, 108), (255, 178, 108), (255, 232, 190))
_FOREST: Final[Palette] = ((10, 34, 38), (18, 74, 70), (58, 128, 92), (164, 190, 110), (240, 234, 190))
_SEA: Final[Palette] = ((8, 24, 56), (16, 74, 122), (44, 140, 176), (142, 206, 208), (240, 248, 236))
_CLAY: Final[Palette] = ((52, 22, 24), (132, 52, 42), (206, 104, 64), (238, 174, 122), (252, 236, 214))
_NIGHT: Final[Palette] = ((8, 8, 24), (30, 26, 74), (70, 58, 150), (142, 120, 232), (226, 214, 255))
_SCALE: Final = 2
"""Everything is drawn larger, then made smaller, for smooth edges."""


def _sky(size: tuple[int, int], palette: Palette) -> Image.Image:
    column = Image.new("RGB", (1, len(palette)))
    column.putdata(palette)
    return column.resize(size, Image.Resampling.BICUBIC)


def _dunes(size: tuple[int, int], palette: Palette, chance: random.Random) -> Image.Image:
    """Hills behind hills, and a light above them."""
    width, height = size
    picture = _sky(size, palette)
    radius, x, y = height // 9, width * chance.uniform(0.25, 0.75), height * chance.uniform(0.25, 0.4)
    glow = Image.new("L", (width // 8, height // 8))
    ImageDraw.Draw(glow).circle((x / 8, y / 8), radius / 4, fill=170)
    picture.paste(palette[-1], (0, 0), glow.filter(ImageFilter.GaussianBlur(radius / 8)).resize(size, Image.Resampling.BICUBIC))
    draw = ImageDraw.Draw(picture)
    draw.circle((x, y), radius, fill=palette[-1])
    for layer in range(5):
        shade = tuple(int(a + (b - a) * layer / 4) for a, b in zip(palette[2], palette[0], strict=True))
        base, swing, shift = height * (0.55 + 0.09 * layer), height * 0.05, chance.uniform(0, 9)
        line = [
            (at, base - swing * (math.sin(at / width * 7 + shift) + 0.4 * math.sin(at / width * 17 + 2 * shift)))
            for at in range(0, width + 9, 8)
        ]
        draw.polygon([(0, height), *line, (width, height)], fill=shade)
    return picture


def _orbits(size: tuple[int, int], palette: Palette, chance: random.Random) -> Image.Image:
    """Rings around a body, each with a moon."""
    width, height = size
    picture = _sky(size, palette[:3])
    draw = ImageDraw.Draw(picture)
    for _ in range(160):
        draw.circle((chance.uniform(0, width), chance.uniform(0, height)), chance.uniform(1, 3), fill=palette[3])
    centre = (width * 0.5, height * 0.52)
    for number in range(5):
        radius, angle = height * (0.16 + 0.075 * number), chance.uniform(0, 2 * math.pi)
        draw.circle(centre, radius, outline=palette[3], width=3)
        draw.circle((centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)), 12 + 4 * number, fill=palette[4])
    draw.circle(centre, height * 0.1, fill=palette[4])
    return picture


def _tiles(size: tuple[int, int], palette: Palette, chance: random.Random) -> Image.Image:
    """Quarter circles, each turned at random (Truchet, 1704)."""
    width, height = size
    picture = Image.new("RGB", size, palette[4])
    draw = ImageDraw.Draw(picture)
    side = height // 6
    for x in range(0, width, side):
        for y in range(0, height, side):
            one, other = chance.sample(palette[:4], 2)
            draw.rectangle((x, y, x + side, y + side), fill=one)
            corner = chance.choice(((x, y), (x + side, y), (x, y + side), (x + side, y + side)))
            tile = Image.new("RGB", (side, side), one)
            ImageDraw.Draw(tile).circle((corner[0] - x, corner[1] - y), side, fill=other)
            picture.paste(tile, (x, y))
    return picture


def _blooms(size: tuple[int, int], palette: Palette, chance: random.Random) -> Image.Image:
    """Soft discs of light over each other."""
    width, height = size
    small = (width // 4, height // 4)
    picture = _sky(small, palette[:2])
    for number in range(14):
        veil = Image.new("L", small)
        at = (chance.uniform(0, small[0]), chance.uniform(0, small[1]))
        ImageDraw.Draw(veil).circle(at, chance.uniform(0.08, 0.26) * small[1], fill=chance.randint(90, 190))
        picture.paste(palette[2 + number % 3], (0, 0), veil.filter(ImageFilter.GaussianBlur(small[1] / 40)))
    return picture.resize(size, Image.Resampling.BICUBIC)


Drawing = Callable[[tuple[int, int], Palette, random.Random], Image.Image]

PICTURES: Final[dict[str, tuple[Drawing, Palette, int, int]]] = {
    "Dunes at dusk": (_dunes, _DUSK, 1200, 900),
    "Old harbour tiles": (_tiles, _SEA, 1200, 900),
    "Moons of the outer ring": (_orbits, _NIGHT, 1200, 1200),
    "Lanterns in the rain": (_blooms, _DUSK, 1200, 900),
    "Forest valley": (_dunes, _FOREST, 1200, 800),
    "Clay pattern": (_tiles, _CLAY, 1000, 1000),
    "Coast before dawn": (_dunes, _SEA, 1200, 900),
    "Fireflies": (_blooms, _FOREST, 1200, 900),
    "Desert road": (_dunes, _CLAY, 1280, 800),
    "Night market": (_blooms, _NIGHT, 1200, 900),
    "Star chart": (_orbits, _DUSK, 1200, 900),
}
"""How each is drawn, in which colours, and how large, by its name."""


def draw(name: str, path: Path) -> None:
    """Write one of PICTURES as JPEG."""
    drawing, palette, width, height = PICTURES[name]
    picture = drawing((width * _SCALE, height * _SCALE), palette, random.Random(name))
    picture.reduce(_SCALE).save(path, "JPEG", quality=88)
