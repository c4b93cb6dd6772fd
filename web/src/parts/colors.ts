// Which line is which: a colour of the Okabe–Ito set and a dash, so that neither has to be told apart alone.

const STYLES: ReadonlyArray<{ token: string; dash?: number[] }> = [
  { token: "city-1" }, { token: "city-2", dash: [8, 4] }, { token: "city-3", dash: [2, 3] }, { token: "city-4", dash: [12, 3, 2, 3] },
  { token: "city-5" }, { token: "city-6", dash: [8, 4] }, { token: "city-7", dash: [2, 3] }, { token: "city-8", dash: [12, 3, 2, 3] },
];

export function cityStyle(index: number): { token: string; dash?: number[] } {
  return STYLES[index % STYLES.length]!;
}
