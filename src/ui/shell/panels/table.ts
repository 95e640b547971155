import type { Component } from 'svelte';
import { PANEL_LABELS, type PanelId } from './panels.svelte.ts';

/** A panel beside the matrix: its code is loaded when it is first opened. */
export interface Panel {
  readonly id: PanelId;
  readonly label: string;
  /** One line for who has never opened it. */
  readonly about: string;
  readonly load: () => Promise<{ readonly default: Component }>;
}

/** In the order of their tabs. */
export const PANELS: Readonly<Record<PanelId, Panel>> = {
  pair: {
    id: 'pair',
    label: PANEL_LABELS.pair,
    about: 'Inside a cell: what the tokens of one chunk read in another, and which neighbour the gain comes from.',
    load: () => import('../../panels/inspect/PairPanel.svelte'),
  },
  search: {
    id: 'search',
    label: PANEL_LABELS.search,
    about: 'Search the text with the retriever as it is, beside the one it began as.',
    load: () => import('../../panels/search/SearchPanel.svelte'),
  },
  evaluation: {
    id: 'evaluation',
    label: PANEL_LABELS.evaluation,
    about:
      'Labelled queries: how good the retriever is beside BM25 and others, on which queries, and whether that is luck.',
    load: () => import('../../panels/evaluation/EvaluationPanel.svelte'),
  },
  model: {
    id: 'model',
    label: PANEL_LABELS.model,
    about: 'Which models learn: small ones from scratch, or a pretrained checkpoint from the hub or a folder.',
    load: () => import('../../panels/models/ModelPanel.svelte'),
  },
  runs: {
    id: 'runs',
    label: PANEL_LABELS.runs,
    about: 'Every run that was trained here, to be shown again, compared, gone on with, and handed on.',
    load: () => import('../../panels/runs/RunsPanel.svelte'),
  },
  takeHome: {
    id: 'takeHome',
    label: PANEL_LABELS.takeHome,
    about: 'Download what has been learnt, or the whole run, and bring either back.',
    load: () => import('../../panels/takeHome/TakeHomePanel.svelte'),
  },
  share: {
    id: 'share',
    label: PANEL_LABELS.share,
    about: 'Links to what is shown; slides, animations, numbers and embeddings as files; how to cite.',
    load: () => import('../../panels/share/SharePanel.svelte'),
  },
  timeline: {
    id: 'timeline',
    label: PANEL_LABELS.timeline,
    about: 'The matrix at chosen steps, side by side, and the moments at which it changed most.',
    load: () => import('../../panels/timeline/TimelinePanel.svelte'),
  },
  kernels: {
    id: 'kernels',
    label: PANEL_LABELS.kernels,
    about: 'What a step is made of: every kernel, its time on the GPU, its work, and its code.',
    load: () => import('../../panels/kernels/KernelsPanel.svelte'),
  },
};
