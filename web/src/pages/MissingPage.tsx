import type { ReactElement } from "react";
import { Layout } from "../components/Layout";
import { useDocumentTitle } from "../hooks/useDocumentTitle";
import { Link } from "../router";

export function MissingPage({ sentence }: { sentence: string }): ReactElement {
  useDocumentTitle("Not found");
  return (
    <Layout>
      <section className="empty">
        <h1>{sentence}</h1>
        <p className="empty-lead">The link may be old, or the channel was deleted.</p>
        <Link className="button button-primary" href="/">
          See who is live
        </Link>
      </section>
    </Layout>
  );
}
