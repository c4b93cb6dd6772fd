// The pattern that means "not surely heard", in the colours of the page.

export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
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
