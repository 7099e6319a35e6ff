import { lazy, Suspense, type ReactElement } from "react";
import { Layout } from "./components/Layout";
import { HomePage } from "./pages/HomePage";
import { MissingPage } from "./pages/MissingPage";
import { WatchPage } from "./pages/WatchPage";
import { matchRoute, usePath, type Route } from "./router";

/* Buyers are many and those who work are few: only they load the pages of work. */
const AccountPage = lazy(async () => ({
  default: (await import("./pages/AccountPage")).AccountPage,
}));
const AdminPage = lazy(async () => ({ default: (await import("./pages/AdminPage")).AdminPage }));
const ChannelsPage = lazy(async () => ({
  default: (await import("./pages/ChannelsPage")).ChannelsPage,
}));
const SignInPage = lazy(async () => ({ default: (await import("./pages/SignInPage")).SignInPage }));
const StudioPage = lazy(async () => ({ default: (await import("./pages/StudioPage")).StudioPage }));

export function App(): ReactElement {
  const route = matchRoute(usePath());
  return (
    <Suspense
      fallback={
        <Layout isWide={isWide(route)} isComing>
          {null}
        </Layout>
      }
    >
      <CurrentPage route={route} />
    </Suspense>
  );
}

function isWide(route: Route): boolean {
  return route.page === "studio" || route.page === "admin";
}

function CurrentPage({ route }: { route: Route }): ReactElement {
  switch (route.page) {
    case "home":
      return <HomePage />;
    case "signIn":
      return <SignInPage />;
    case "channels":
      return <ChannelsPage />;
    case "watch":
      return <WatchPage key={route.channelId} channelId={route.channelId} />;
    case "studio":
      return <StudioPage key={route.channelId} channelId={route.channelId} />;
    case "account":
      return <AccountPage section={route.section} item={route.item} />;
    case "admin":
      return <AdminPage section={route.section} item={route.item} />;
    case "missing":
      return <MissingPage sentence="There is no such page." />;
  }
}
