// How useful readers called what was sent.
import { n, t } from "../language.ts";
import { percent } from "../pure/counts.ts";
import type { Share } from "../pure/rules.ts";

/** The share with its interval, "3 of 4 useful (30 % – 95 %)"; unknown where nobody said anything. */
export function shareSaid(share: Share | null): string {
  if (!share || !share.of || share.share === null) return t("precision.unknown");
  return t("precision.is", { yes: n(Math.round(share.share * share.of)), of: n(share.of), low: percent(share.low ?? 0), high: percent(share.high ?? 1) });
}
