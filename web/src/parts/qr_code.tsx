// A text as a QR code, for the camera of a phone; fetched when it is first shown.
import { useEffect, useState } from "preact/hooks";

/** Modules of quiet around the code, as scanners want them (ISO/IEC 18004, 4.3). */
const QUIET = 4;

export function QrCode({ text, label }: { text: string; label: string }) {
  const [dark, setDark] = useState<boolean[][] | null>(null);
  useEffect(() => {
    let wanted = true;
    import("uqr").then(({ encode }) => { if (wanted) setDark(encode(text, { ecc: "M", border: QUIET }).data); }, () => undefined);
    return () => { wanted = false; };
  }, [text]);
  if (!dark) return null;
  const path = dark.flatMap((row, y) => row.map((set, x) => (set ? `M${x} ${y}h1v1h-1z` : ""))).join("");
  return (
    <svg class="qrCode" role="img" aria-label={label} viewBox={`0 0 ${dark.length} ${dark.length}`} shape-rendering="crispEdges">
      <rect width="100%" height="100%" fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
