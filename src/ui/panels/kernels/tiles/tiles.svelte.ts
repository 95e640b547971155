import type { TilesView } from '../../../../lab/door/views.ts';
import type { Configuration } from '../../../../settings/configuration.ts';
import { Requests } from '../../../state/requests.svelte.ts';
import { ofSession } from '../../../state/ofSession.ts';
import type { Session } from '../../../state/session.svelte.ts';
import { Measurement } from '../measurement.svelte.ts';

export const tilesOf = ofSession((session) => new Tiles(session));

/** Which tiles matrix products take on this device, as the lab told last. */
export class Tiles extends Measurement<'tuneTiles'> {
  view = $state.raw<TilesView>();

  private readonly others: Requests;

  constructor(session: Session) {
    super(session, 'tuneTiles');
    this.others = new Requests(session);
    session.listen((event) => {
      if (event.type === 'tiles') this.view = event.tiles;
    });
  }

  /** Asks for what is known; opens the GPU for it. */
  async load(): Promise<void> {
    this.view = (await this.others.askAnew({ type: 'listTiles' })) ?? this.view;
  }

  /** Measures all that a run of the configuration needs. */
  async measure(configuration: Configuration): Promise<void> {
    this.view = (await this.ask({ type: 'tuneTiles', configuration, anew: true })) ?? this.view;
  }

  /** Whether the rule decides whatever was measured, at other visits too. */
  async choose(byRule: boolean): Promise<void> {
    this.view = (await this.others.askAnew({ type: 'chooseTiles', byRule })) ?? this.view;
  }
}
