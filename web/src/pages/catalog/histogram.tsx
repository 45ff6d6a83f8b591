// How many files there are of which size: a bar for each doubling, or each factor of ten where they differ much.
import { number, size } from "../../ui/format";

type Bar = { from: number; to: number; count: number };

export function bars(sizes: number[]): Bar[] {
  const [least, most] = [Math.max(1, Math.min(...sizes)), Math.max(1, ...sizes)];
  const factor = most / least > 4096 ? 10 : 2;
  const step = (n: number) => Math.floor(Math.log(Math.max(1, n)) / Math.log(factor) + 1e-9);
  const found: Bar[] = [];
  for (let s = step(least); s <= step(most); s++) found.push({ from: factor ** s, to: factor ** (s + 1), count: 0 });
  for (const n of sizes) {
    const bar = found[step(n) - step(least)];
    if (bar) bar.count++;
  }
  return found;
}

const [height, width, left, top, bottom] = [150, 60, 44, 32, 26];

export function Histogram({ sizes }: { sizes: number[] }) {
  const all = bars(sizes);
  const most = Math.max(...all.map((b) => b.count));
  const total = left + all.length * width;
  const text = all.map((b) => `${number(b.count)} of ${size(b.from)} to ${size(b.to)}`).join(", ");
  return (
    <div className="table chart" role="region" aria-label="Histogram of file sizes" tabIndex={0}>
      <svg width={total + 30} height={height + top + bottom} role="img" aria-label={`Files by size: ${text}`}>
        <text x={left - 8} y={top + 4} className="end">
          {number(most)}
        </text>
        <text x={left - 8} y={top + height} className="end">
          0
        </text>
        <text x={0} y={12}>files</text>
        <line x1={left} x2={total} y1={top + height} y2={top + height} />
        <text x={total} y={top + height + 16} className="middle">
          {size(all.at(-1)?.to)}
        </text>
        {all.map((b, i) => {
          const h = (b.count / most) * height;
          const x = left + i * width;
          return (
            <g key={b.from}>
              <rect x={x + 4} y={top + height - h} width={width - 8} height={h}>
                <title>{`${number(b.count)} files of ${size(b.from)} to ${size(b.to)}`}</title>
              </rect>
              {b.count > 0 && (
                <text x={x + width / 2} y={top + height - h - 4} className="middle">
                  {number(b.count)}
                </text>
              )}
              <text x={x} y={top + height + 16} className="middle">
                {size(b.from)}
              </text>
            </g>
          );
        })}
      </svg>
    </div>
  );
}
