// Posts as rows. What people wrote is text, isolated from the page around it; a link leads only to the web.
import { n, nameOf, t } from "../language.ts";
import { useShared } from "../context.ts";
import { safeLink, shown } from "../pure/hostile.ts";
import { marked, type terms } from "../pure/marking.ts";
import type { Post } from "../pure/sample.ts";
import { clock, day, type Zone } from "../pure/time.ts";

export function PostRow({ post, wanted, full, zone }: { post: Post; wanted?: ReturnType<typeof terms>; full?: boolean; zone: Zone }) {
  const { view } = useShared();
  const at = Date.parse(post.created_at);
  const link = safeLink(post.url);
  const text = post.text === null ? null : shown(post.text);
  const time = (full ? `${day(at, zone, document.documentElement.lang)} ` : "") + clock(at, zone, true);
  const place = post.place ? `${post.place.name} ${post.place.country}` : post.country ? nameOf("region", post.country) : t("post.nowhere");
  return (
    <article class={full ? "post full" : "post"} data-uid={post.uid}>
      <div class="about">
        <time dateTime={post.created_at}>{time}</time>
        <span class={post.place ? "place" : "place none"} title={post.place ? t("post.placed", { by: post.place.by, share: n(post.place.confidence * 100), evidence: shown(post.place.evidence ?? "") }) : undefined}>{place}</span>
        <bdi class="author">{shown(post.author_name ?? post.author)}</bdi>
        {full && <span class="soft">{post.network}{post.kind !== "post" ? ` · ${post.kind}` : ""}{post.lang ? ` · ${post.lang}` : ""}{post.edited ? ` · ${t("post.edited")}` : ""}</span>}
        {link && <a class="out" href={link} target="_blank" rel="noopener noreferrer" aria-label={t("post.open", { author: shown(post.author_name ?? post.author) })}>↗</a>}
      </div>
      <p dir="auto" class="text">
        {text === null ? <em>{t("post.expired")}</em> : text === "" ? <em class="soft">{t(post.kind === "repost" ? "post.reposted" : "post.wordless")}</em> : view.q && wanted ? marked(text, wanted).map((part, i) => (part.hit ? <mark key={i}>{part.text}</mark> : part.text)) : text}
      </p>
    </article>
  );
}
