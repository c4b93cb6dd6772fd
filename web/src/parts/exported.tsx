// A link to a file of the API; with a token, which a link cannot carry, the file is fetched and saved.
import { useState } from "preact/hooks";
import { save, token } from "../api.ts";
import { t } from "../language.ts";

export function Exported({ path, name, label, title }: { path: string; name: string; label: string; title: string }) {
  const [failed, setFailed] = useState(false);
  return (
    <span class="exports">
      <a href={path} download={name} title={title} onClick={(event) => {
        if (!token()) return;
        event.preventDefault();
        save(path, name).then(() => setFailed(false), () => setFailed(true));
      }}>{label}</a>
      {failed && <span role="alert"> {t("export.failed")}</span>}
    </span>
  );
}
