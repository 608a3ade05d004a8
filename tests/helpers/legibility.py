"""Texts of a page in a browser that nobody can read: cut off, or lying on each other."""

from __future__ import annotations

from typing import Any

__all__ = ["unreadable"]

_UNREADABLE = r"""() => {
    const ROOM = 1.5;
    const cuts = (style) => [style.overflowX, style.overflowY].some((how) => how === "hidden" || how === "clip");
    const told = (element) => element.closest(".ms-TooltipHost, [title]") !== null;

    /* What is seen of a text, and whether an element that does not scroll cuts it. */
    function seen(element, box) {
        let [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom];
        let isCut = box.left < -ROOM || box.right > document.documentElement.clientWidth + ROOM;
        let isScrolled = false;
        for (let around = element; around; around = around.parentElement) {
            const style = getComputedStyle(around);
            if (style.overflowX === "visible" && style.overflowY === "visible") continue;
            const frame = around.getBoundingClientRect();
            const isWide = left < frame.left - ROOM || right > frame.right + ROOM;
            const isTall = top < frame.top - ROOM || bottom > frame.bottom + ROOM;
            [left, right] = [Math.max(left, frame.left), Math.min(right, frame.right)];
            [top, bottom] = [Math.max(top, frame.top), Math.min(bottom, frame.bottom)];
            // Pages are scrolled up and down, and nobody looks for more at their side.
            isCut ||= (isWide || (isTall && cuts(style) && !isScrolled)) && !told(element);
            isScrolled ||= isTall && !cuts(style);
        }
        return right - left > 1 && bottom - top > 1 ? { left, top, right, bottom, isCut } : null;
    }

    const within = (line, part) => ({
        left: Math.max(line.left, part.left), right: Math.min(line.right, part.right),
        top: Math.max(line.top, part.top), bottom: Math.min(line.bottom, part.bottom),
    });

    const found = [], problems = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode());) {
        const element = node.parentElement;
        const text = node.textContent.trim();
        if (!text || element.closest("[data-icon-name], noscript, script, style")) continue;
        if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const box = range.getBoundingClientRect();
        const part = box.width > 1 && box.height > 1 ? seen(element, box) : null;
        if (part === null) continue;
        if (part.isCut) problems.push(`cut: ${text}`);
        // Line by line: a box around two lines has the words in it that stand between them.
        found.push({ lines: [...range.getClientRects()].map((line) => within(line, part)), text, element });
    }
    for (const button of document.querySelectorAll("button")) {
        const box = button.getBoundingClientRect();
        const part = button.checkVisibility() && box.width > 1 ? seen(button, box) : null;
        // A tooltip says what a button does, and half of it cannot be pressed.
        const isPart = part && part.right - part.left < box.width - ROOM;
        if (isPart) problems.push(`cut: ${button.title || button.textContent}`);
    }
    for (const input of document.querySelectorAll("input")) {
        if (input.checkVisibility() && input.scrollWidth > input.clientWidth + 1) problems.push(`cut: ${input.value}`);
    }
    const share = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]) > ROOM;
    const meet = (a, b) => share(a, b, "left", "right") && share(a, b, "top", "bottom");
    found.forEach((a, place) => found.slice(place + 1).forEach((b) => {
        const isOn = a.lines.some((line) => b.lines.some((other) => meet(line, other)));
        if (isOn) problems.push(`overlap: ${a.text} / ${b.text}`);
    }));
    return problems;
}"""


def unreadable(page: Any) -> list[str]:
    """What is cut off without a tooltip, and which texts lie on each other, on a page of playwright."""
    problems: list[str] = page.evaluate(_UNREADABLE)
    return problems
