import { useId, type ReactElement, type ReactNode } from "react";

interface PanelProps {
  /* For its place on the page: panel-<name>. */
  name: string;
  title: string;
  children: ReactNode;
}

export function Panel({ name, title, children }: PanelProps): ReactElement {
  const id = useId();
  return (
    <section className={`panel panel-${name}`} aria-labelledby={id}>
      <h2 id={id} className="panel-title">
        {title}
      </h2>
      {children}
    </section>
  );
}
