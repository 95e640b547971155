/** The paper whose method the playground shows. */
export const PAPER_BIBTEX = `@inproceedings{cai2026revela,
  title = {{Revela: Dense Retriever Learning via Language Modeling}},
  author = {Cai, Fengyu and Chen, Tong and Zhao, Xinran and Chen, Sihao and Zhang, Hongming and Wu, Sherry Tongshuang and Gurevych, Iryna and Koeppl, Heinz},
  booktitle = {International Conference on Learning Representations (ICLR)},
  year = {2026},
  eprint = {2506.16552},
  archivePrefix = {arXiv},
  url = {https://arxiv.org/abs/2506.16552}
}`;

/** The playground itself, as it lies at an address. The rest is that of CITATION.cff. */
export function pageBibtex(address: string): string {
  return `@software{revela_playground,
  title = {{Revela playground}},
  author = {{The Revela playground authors}},
  year = {2026},
  version = {0.1.0},
  license = {Apache-2.0},
  url = {${address}}
}`;
}
