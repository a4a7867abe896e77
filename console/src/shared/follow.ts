/** One piece of something that grows: what came, from where the next begins, and whether that was the end. */
export interface Piece<Item, Cursor> {
  items: Item[]
  next: Cursor
  complete: boolean
}

/**
 * Reads something that grows, from a cursor on. However often it is poked, one read is under way at a time and each begins
 * where the last ended, so nothing is missed and nothing comes twice. A failed read is made again at the next poke.
 */
export class Follower<Item, Cursor> {
  private busy: Promise<void> | undefined
  private again = false
  private stopped = false
  complete = false

  constructor(
    private cursor: Cursor,
    private readonly read: (after: Cursor) => Promise<Piece<Item, Cursor>>,
    private readonly take: (items: Item[]) => void,
  ) {}

  /** There may be news. Resolves when all that was there then has been taken. */
  poke(): Promise<void> {
    if (this.complete || this.stopped) return Promise.resolve()
    this.again = true
    this.busy ??= this.drain().finally(() => {
      this.busy = undefined
    })
    return this.busy
  }

  stop(): void {
    this.stopped = true
  }

  private async drain(): Promise<void> {
    while (this.again && !this.stopped) {
      this.again = false
      const piece = await this.read(this.cursor)
      if (this.stopped) return
      this.cursor = piece.next
      this.complete = piece.complete
      if (piece.items.length > 0) {
        this.take(piece.items)
        // There may be more than one answer holds.
        this.again = !piece.complete
      }
    }
  }
}
