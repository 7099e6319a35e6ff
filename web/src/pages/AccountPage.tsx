import type { ReactElement } from "react";
import type { Account } from "../api/client";
import { Layout } from "../components/Layout";
import { Protected } from "../components/Protected";
import { SectionNav } from "../components/SectionNav";
import { useDocumentTitle } from "../hooks/useDocumentTitle";
import { ACCOUNT_SECTIONS, accountPath, type AccountSection } from "../router";
import { ApiKeys } from "../sections/ApiKeys";
import { Password } from "../sections/Password";
import { WebhookDetail } from "../sections/WebhookDetail";
import { Webhooks } from "../sections/Webhooks";

interface AccountPageProps {
  section: AccountSection;
  item: string | null;
}

const TEXT: Record<AccountSection, string> = {
  profile: "Password",
  keys: "API keys",
  webhooks: "Webhooks",
};

/* What is one's own: the password, keys for programs, webhooks of one's channels. */
export function AccountPage({ section, item }: AccountPageProps): ReactElement {
  useDocumentTitle(TEXT[section]);
  return (
    <Protected roles={["admin", "seller", "buyer"]}>
      {(account) => (
        <Layout>
          <h1 className="page-title">Your account</h1>
          <SectionNav
            label="Your account"
            sections={ACCOUNT_SECTIONS.filter((s) => s !== "webhooks" || account.role !== "buyer").map(
              (s) => ({ href: accountPath(s), text: TEXT[s], isHere: s === section }),
            )}
          />
          <Section section={section} item={item} account={account} />
        </Layout>
      )}
    </Protected>
  );
}

function Section(props: AccountPageProps & { account: Account }): ReactElement {
  const { section, item, account } = props;
  switch (section) {
    case "profile":
      return <Password account={account} />;
    case "keys":
      return <ApiKeys account={account} />;
    case "webhooks":
      return item === null ? (
        <Webhooks basePath={accountPath("webhooks")} />
      ) : (
        <WebhookDetail key={item} webhookId={item} basePath={accountPath("webhooks")} />
      );
  }
}
