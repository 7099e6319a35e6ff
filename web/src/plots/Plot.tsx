import { useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactElement } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { MetricPoint } from "../api/client";
import { formatFull } from "../format";
import type { PlotSpec } from "./measures";
import { columnsOf, sampled, summaryOf, type Columns } from "./points";
import { tickText } from "./timeAxis";

const HEIGHT = 168;
const TABLE_ROWS = 40;
/* A broadcast that has just begun fills the plot from the right. */
const SPAN_LEAST_S = 60;

interface PlotProps {
  spec: PlotSpec;
  points: readonly MetricPoint[];
  /* Plots of the same group show the same moment under the pointer. */
  group: string;
}

/* Lines over time. What they show is also said in a sentence, and can be opened as a table. */
export default function Plot({ spec, points, group }: PlotProps): ReactElement {
  const columns = useMemo(
    () => columnsOf(points, spec.lines.map((line) => line.measure)),
    [points, spec],
  );
  const [hovered, setHovered] = useState<number | null>(null);
  const at = hovered ?? columns.times.length - 1;
  const time = columns.times[at];
  const summary = spec.lines
    .map((line, i) => `${line.label}: ${summaryOf(columns.values[i] ?? [], spec.format)}`)
    .join(". ");
  return (
    <figure className="plot">
      <figcaption className="plot-head">
        <span className="plot-title">{spec.title}</span>
        <span className="plot-values" aria-hidden="true">
          {spec.lines.map((line, i) => (
            <span key={line.label} className={`plot-key plot-key-${i + 1}`}>
              {spec.lines.length > 1 && `${line.label} `}
              <strong>{valueText(columns.values[i]?.[at], spec)}</strong>
            </span>
          ))}
          {hovered !== null && time !== undefined && <span>{tickText(time, 1)}</span>}
        </span>
      </figcaption>
      <div role="img" aria-label={`${spec.title} over time. ${summary}.`}>
        <Canvas spec={spec} columns={columns} group={group} onHover={setHovered} />
      </div>
      <PlotTable spec={spec} columns={columns} />
    </figure>
  );
}

function valueText(value: number | null | undefined, spec: PlotSpec): string {
  return value == null ? "–" : spec.format(value);
}

function PlotTable({ spec, columns }: { spec: PlotSpec; columns: Columns }): ReactElement {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="details" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        As a table<span className="visually-hidden">: {spec.title}</span>
      </summary>
      {isOpen && (
        <div className="plot-table" tabIndex={0} role="region" aria-label={`${spec.title} as a table`}>
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                {spec.lines.map((line) => (
                  <th key={line.label} scope="col">
                    {line.label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {sampled(columns.times.length, TABLE_ROWS).map((row) => (
                <tr key={row}>
                  <td>{formatFull(new Date((columns.times[row] ?? 0) * 1000).toISOString())}</td>
                  {spec.lines.map((line, i) => (
                    <td key={line.label}>{valueText(columns.values[i]?.[row], spec)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

interface CanvasProps {
  spec: PlotSpec;
  columns: Columns;
  group: string;
  onHover: (index: number | null) => void;
}

const dark = matchMedia("(prefers-color-scheme: dark)");

function onSchemeChange(listener: () => void): () => void {
  dark.addEventListener("change", listener);
  return () => dark.removeEventListener("change", listener);
}

/* The drawing itself: made for a spec and a colour scheme, then fed. */
function Canvas({ spec, columns, group, onHover }: CanvasProps): ReactElement {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(columns);
  const isDark = useSyncExternalStore(onSchemeChange, () => dark.matches);

  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const made = new uPlot(
      optionsFor(spec, group, element, onHover),
      asData(newest.current),
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [spec, group, onHover, isDark]);

  useEffect(() => {
    newest.current = columns;
    plot.current?.setData(asData(columns));
  }, [columns]);

  return <div ref={frame} className="plot-canvas" />;
}

function asData(columns: Columns): uPlot.AlignedData {
  return [columns.times, ...columns.values];
}

function optionsFor(
  spec: PlotSpec,
  group: string,
  element: HTMLElement,
  onHover: (index: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name);
  const axis: uPlot.Axis = {
    stroke: colour("--ink-soft"),
    font: `12px ${colour("--font")}`,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: {
      sync: { key: group },
      drag: { x: false, y: false },
      points: { size: 7 },
    },
    scales: {
      x: { range: (_plot, from, until) => [Math.min(from, until - SPAN_LEAST_S), until] },
      y: { range: (_plot, _least, most) => [0, Math.max(spec.topMin, (most || 0) * 1.1)] },
    },
    axes: [
      {
        ...axis,
        size: 30,
        values: (_plot, splits, _axis, _space, distance) => splits.map((s) => tickText(s, distance)),
      },
      { ...axis, size: 58, values: (_plot, splits) => splits.map((s) => spec.formatTick(s)) },
    ],
    series: [
      {},
      ...spec.lines.map((line, i) => ({
        label: line.label,
        stroke: colour(`--plot-${i + 1}`),
        width: 2,
        points: { show: false },
        ...(i === 0 && { fill: colour("--plot-fill") }),
      })),
    ],
    hooks: {
      setCursor: [(plot) => onHover(plot.cursor.left === -10 ? null : (plot.cursor.idx ?? null))],
    },
  };
}
