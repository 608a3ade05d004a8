"""NNI's web UI has its icons from a font that this makes: ``python docs/icon_font.py PACKAGE``.

It writes ``nni_nasplus/hosts/nni/web/icons.woff``.

The web UI asks Microsoft's servers for a font whose licence forbids it anywhere else. Here the few icons that it shows
are taken from Fluent System Icons, which are under the MIT licence, and put at the code points that it uses. PACKAGE is
the unpacked npm package ``@fluentui/svg-icons``: ``npm pack @fluentui/svg-icons && tar xzf fluentui-svg-icons-*.tgz``.
"""

from __future__ import annotations

import argparse
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.misc.transform import Transform
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.transformPen import TransformPen
from fontTools.svgLib.path import parse_path

ICONS = {
    0xE70D: "chevron_down",
    0xE70E: "chevron_up",
    0xE70F: "edit",
    0xE711: "dismiss",
    0xE712: "more_horizontal",
    0xE71C: "filter",
    0xE721: "search",
    0xE72C: "arrow_clockwise",
    0xE73E: "checkmark",
    0xE76B: "chevron_left",
    0xE76C: "chevron_right",
    0xE784: "re_order_dots_vertical",
    0xE787: "calendar",
    0xE7BA: "warning",
    0xE845: "arrow_reset",
    0xE894: "dismiss",
    0xE896: "arrow_download",
    0xE8C8: "copy",
    0xE8C9: "important",
    0xE8D8: "arrow_sync_off",
    0xE8EC: "tag",
    0xE8FD: "text_bullet_list",
    0xE91E: "timer",
    0xE930: "checkmark_circle",
    0xE946: "info",
    0xE974: "chevron_right",
    0xE9D4: "flow",
    0xE9E6: "data_line",
    0xE9E9: "options",
    0xE9EB: "data_bar_horizontal",
    0xEA39: "error_circle",
    0xEA3A: "circle",
    0xEAFC: "arrow_trending",
    0xEB90: "error_circle",
    0xEBF9: "clock",
    0xEC26: "home",
    0xECE4: "prohibited",
    0xEE0A: "arrow_reply_all",
    0xEE66: "text_sort_descending",
    0xEE68: "arrow_sort_up",
    0xEE69: "arrow_sort_down",
    0xEF42: "arrow_trending_down",
    0xF13D: "dismiss_circle",
    0xF13E: "checkmark_circle",
    0xF140: "prohibited",
    0xF24E: "data_trending",
    0xF3AD: "beaker",
    0xF63C: "circle",
    0xF7C1: "document_text",
}
"""By code point, the name without size and style."""
FILLED = {0xF63C}
SIZE = 20
"""The pixels of the drawings that are taken."""
EM = 2048
OUT = Path(__file__).parents[1] / "nni_nasplus" / "hosts" / "nni" / "web" / "icons.woff"


def main() -> None:
    """Build the font."""
    parser = argparse.ArgumentParser(description="build the icon font of the web UI")
    parser.add_argument("package", type=Path, help="the unpacked npm package @fluentui/svg-icons")
    folder = parser.parse_args().package / "icons"
    glyphs = {".notdef": glyph([]), "space": glyph([])}
    glyphs |= {f"uni{code:04X}": glyph(paths(folder, code)) for code in ICONS}
    builder = FontBuilder(EM, isTTF=False)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap({0x20: "space", **{code: f"uni{code:04X}" for code in ICONS}})
    builder.setupCFF("nasplus-icons", {"FullName": "nasplus icons"}, glyphs, {})
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (EM, 0)))
    builder.setupHorizontalHeader(ascent=EM, descent=0)
    builder.setupNameTable({"familyName": "nasplus icons", "styleName": "Regular", "licenseDescription": "MIT"})
    builder.setupOS2(sTypoAscender=EM, sTypoDescender=0, usWinAscent=EM, usWinDescent=0)
    builder.setupPost()
    builder.font["head"].created = builder.font["head"].modified = 0
    builder.font.flavor = "woff"
    builder.font.recalcTimestamp = False
    builder.save(OUT)


def paths(folder: Path, code: int) -> list[str]:
    """The outlines of an icon."""
    style = "filled" if code in FILLED else "regular"
    tree = ElementTree.parse(folder / f"{ICONS[code]}_{SIZE}_{style}.svg")
    return [element.attrib["d"] for element in tree.iter() if element.tag.endswith("path")]


def glyph(outlines: list[str]) -> object:
    """A glyph of a drawing, whose y axis points down."""
    pen = T2CharStringPen(EM, None)
    flipped = TransformPen(pen, Transform(EM / SIZE, 0, 0, -EM / SIZE, 0, EM))
    for outline in outlines:
        parse_path(outline, flipped)
    return pen.getCharString()


if __name__ == "__main__":
    main()
