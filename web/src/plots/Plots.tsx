import { lazy, Suspense, type ReactElement } from "react";
import type { MetricPoint } from "../api/client";
import type { PlotSpec } from "./measures";

/* The library that draws is for the few who look at plots. */
const Plot = lazy(() => import("./Plot"));

interface PlotsProps {
  specs: readonly PlotSpec[];
  points: readonly MetricPoint[];
  group: string;
}

export function Plots({ specs, points, group }: PlotsProps): ReactElement {
  return (
    <div className="plots">
      <Suspense fallback={<p className="calm-line">Drawing…</p>}>
        {specs.map((spec) => (
          <Plot key={spec.id} spec={spec} points={points} group={group} />
        ))}
      </Suspense>
    </div>
  );
}
