// The devices that receive alerts: a code for one more, which there are, and the way out.
import { useState } from "preact/hooks";
import { address, ask, type Problem } from "../api.ts";
import { useShared } from "../context.ts";
import { problemOf, type Device } from "../device/device.ts";
import { useAnswer } from "../hooks.ts";
import { language, n, t } from "../language.ts";
import { shown } from "../pure/hostile.ts";
import { clock, moment } from "../pure/time.ts";
import { QrCode } from "./qr_code.tsx";
import { Empty, Failed, Panel } from "./states.tsx";

interface Code { code: string; expires_at: string; link: string | null }

export function Devices({ changed }: { changed: () => void }) {
  const [again, setAgain] = useState(0);
  const [code, setCode] = useState<Code | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const { tick } = useShared();
  const answer = useAnswer<{ devices: Device[] }>(address("devices"), again + (code ? tick * 1000 : 0), 8);
  const devices = answer.data?.devices ?? [];
  const make = () => ask<Code>("/api/v1/devices/codes", { method: "POST" }, 0).then((made) => { setCode(made); setProblem(null); }, (refused) => setProblem(problemOf(refused)));
  const remove = (id: string) => ask(`/api/v1/devices/${id}`, { method: "DELETE" }, 0).then(() => { setAgain((i) => i + 1); changed(); }, (refused) => setProblem(problemOf(refused)));
  return (
    <Panel title={`${t("devices.title")} ${devices.length ? n(devices.length) : ""}`.trim()} name="devices" answer={answer} lines={1} aside={<button type="button" id="add-device" onClick={() => void make()}>{t("devices.add")}</button>}>
      {problem && <Failed problem={problem} />}
      {code && <Made code={code} />}
      {devices.length ? <ul class="deviceList">{devices.map((each) => <Row key={each.id} device={each} remove={() => void remove(each.id)} />)}</ul> : <Empty>{t("devices.none")}</Empty>}
    </Panel>
  );
}

function Made({ code }: { code: Code }) {
  const { view } = useShared();
  const link = code.link ?? `${location.origin}/receiver#code=${code.code}`;
  const local = /^(localhost|127\.|\[::1\])/.test(new URL(link).hostname);
  return (
    <div class="madeCode" role="status">
      <span>{t("devices.open")} <a href={link} id="device-link">{link}</a></span>
      <span>{t("devices.code", { time: clock(Date.parse(code.expires_at), view.zone) })} <strong class="code" id="device-code">{code.code}</strong></span>
      {!local && <QrCode text={link} label={t("devices.scan")} />}
      {local && <span class="soft">{t("devices.only")}</span>}
    </div>
  );
}

function Row({ device, remove }: { device: Device; remove: () => void }) {
  const { view } = useShared();
  const [sure, setSure] = useState(false);
  const how = !device.reachable ? t("devices.gone") : t(device.push ? "devices.push" : "devices.page");
  return (
    <li data-device={device.id}>
      <bdi>{shown(device.name)}</bdi>
      <span class="soft">{[how, device.rule ? shown(device.rule.name) : t("devices.nothing"), moment(Date.parse(device.added_at), view.zone, language())].join(" · ")}</span>
      <button type="button" onClick={() => (sure ? remove() : setSure(true))} onBlur={() => setSure(false)} aria-label={`${t(sure ? "devices.removeSure" : "devices.remove")} ${device.name}`}>{t(sure ? "devices.removeSure" : "devices.remove")}</button>
    </li>
  );
}
