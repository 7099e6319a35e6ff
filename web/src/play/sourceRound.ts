/*
 * Which address is tried after a failure. The first is the primary one; each of the others is tried once, at
 * once, before the player waits; after a wait it begins with the primary again. A picture ends the round: what
 * fails after it has all the others to go to.
 */
export class SourceRound {
  private readonly sources: readonly string[];
  private at = 0;
  private failed = 0;

  constructor(sources: readonly string[]) {
    this.sources = sources;
  }

  get current(): string {
    return this.sources[this.at] ?? "";
  }

  get index(): number {
    return this.at;
  }

  /* There is a source that has not failed since the last picture. */
  get hasOther(): boolean {
    return this.failed + 1 < this.sources.length;
  }

  onPicture(): void {
    this.failed = 0;
  }

  /* The current one failed. True: the next is current, try it now. False: the round is over, wait. */
  moveOn(): boolean {
    if (this.hasOther) {
      this.failed += 1;
      this.at = (this.at + 1) % this.sources.length;
      return true;
    }
    this.restart();
    return false;
  }

  restart(): void {
    this.failed = 0;
    this.at = 0;
  }
}
