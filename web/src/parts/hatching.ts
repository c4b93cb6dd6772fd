// The pattern that means "not surely heard", in the colours of the page.

const known = new Map<string, string>();

/** A colour of the theme that is chosen now. */
export function token(name: string): string {
  const root = document.documentElement, key = `${root.dataset.theme} ${name}`;
  let found = known.get(key);
  if (!found) known.set(key, (found = getComputedStyle(root).getPropertyValue(`--${name}`).trim()));
  return found;
}

/** Fill a rectangle with slanted lines: wide apart for unknown, dense for a part that is missing. */
export function hatch(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number, missing: boolean): void {
  const step = (missing ? 6 : 12) * devicePixelRatio;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = token(missing ? "hatch-missing" : "hatch-unknown");
  context.lineWidth = devicePixelRatio;
  context.beginPath();
  const first = Math.floor((x - height) / step) * step;
  for (let at = first; at < x + width; at += step) {
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
  }
  context.stroke();
  context.restore();
}
