// Server-sent events from pieces of a stream, as https://html.spec.whatwg.org/multipage/server-sent-events.html has them.

export interface ServerEvent { event: string; id: string; data: string }

const BUFFER_MAX = 16 << 20;

/** Takes pieces as they come, and tells each event once it is whole. */
export function reader(tell: (event: ServerEvent) => void): (piece: string) => void {
  let rest = "", event = "", id = "", data: string[] = [];
  return (piece) => {
    rest += piece;
    if (rest.length > BUFFER_MAX) throw new Error("an event is too large");
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === "") {
        if (data.length) tell({ event: event || "message", id, data: data.join("\n") });
        event = "";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (name === "event") event = value;
      else if (name === "data") data.push(value);
      else if (name === "id" && !value.includes("\0")) id = value;
    }
  };
}
