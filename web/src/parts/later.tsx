// A page that is loaded when it is looked at.
import { useEffect, useState } from "preact/hooks";
import { t } from "../language.ts";
import { Empty, Loading } from "./states.tsx";

type Part = () => preact.JSX.Element;
const known = new Map<string, Part>();

/** The page as soon as it is there; where it cannot be had (nobody answers, or the server has a newer one) it says what to do. */
export function Later({ name, load }: { name: string; load: () => Promise<Part> }) {
  const [Part, setPart] = useState<Part | null>(() => known.get(name) ?? null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (Part) return;
    load().then((part) => { known.set(name, part); setPart(() => part); }, () => setFailed(true));
  }, []);
  if (Part) return <Part />;
  return (
    <main id="main" tabIndex={-1}>
      {failed ? <Empty><h2>{t("later.failed")}</h2><p>{t("later.failedNext")}</p><button type="button" onClick={() => location.reload()}>{t("later.reload")}</button></Empty> : <Loading lines={8} />}
    </main>
  );
}
