//! The works a report may cite. Only those a rendered text cites are printed, numbered in the order of their first mention.

use std::sync::{Arc, Mutex, PoisonError};

use crate::method::words;

/// Key, and the entry in the form all languages share; those that a method alone cites stand in its file.
const WORKS: &[(&str, &str)] = &[
    (
        "eckart1936",
        "Eckart, C., Young, G. (1936). The approximation of one matrix by another of lower rank. *Psychometrika* 1(3), 211–218. <https://doi.org/10.1007/BF02288367>",
    ),
    (
        "halko2011",
        "Halko, N., Martinsson, P.-G., Tropp, J. A. (2011). Finding structure with randomness: probabilistic algorithms for constructing approximate matrix decompositions. *SIAM Review* 53(2), 217–288. <https://doi.org/10.1137/090771806>",
    ),
    (
        "musco2015",
        "Musco, C., Musco, C. (2015). Randomized block Krylov methods for stronger and faster approximate singular value decomposition. *Advances in Neural Information Processing Systems* 28. <https://arxiv.org/abs/1504.05477>",
    ),
    (
        "williams2001",
        "Williams, C. K. I., Seeger, M. (2001). Using the Nyström method to speed up kernel machines. *Advances in Neural Information Processing Systems* 13, 682–688.",
    ),
    (
        "chen2022",
        "Chen, Y., Epperly, E. N., Tropp, J. A., Webber, R. J. (2022). Randomly pivoted Cholesky: practical approximation of a kernel matrix with few entry evaluations. <https://arxiv.org/abs/2207.06503>",
    ),
    (
        "tropp2017",
        "Tropp, J. A., Yurtsever, A., Udell, M., Cevher, V. (2017). Fixed-rank approximation of a positive-semidefinite matrix from streaming data. *Advances in Neural Information Processing Systems* 30. <https://arxiv.org/abs/1706.05736>",
    ),
    (
        "xiong2021",
        "Xiong, Y., Zeng, Z., Chakraborty, R., Tan, M., Fung, G., Li, Y., Singh, V. (2021). Nyströmformer: a Nyström-based algorithm for approximating self-attention. *Proceedings of the AAAI Conference on Artificial Intelligence* 35(16), 14138–14148. <https://arxiv.org/abs/2102.03902>",
    ),
    (
        "wang2020linformer",
        "Wang, S., Li, B. Z., Khabsa, M., Fang, H., Ma, H. (2020). Linformer: self-attention with linear complexity. <https://arxiv.org/abs/2006.04768>",
    ),
    (
        "choromanski2021",
        "Choromanski, K., Likhosherstov, V., Dohan, D., Song, X., Gane, A., Sarlós, T., Hawkins, P., Davis, J., Mohiuddin, A., Kaiser, Ł., Belanger, D., Colwell, L., Weller, A. (2021). Rethinking attention with Performers. *International Conference on Learning Representations*. <https://arxiv.org/abs/2009.14794>",
    ),
    (
        "lin2024",
        "Lin, J., Tang, J., Tang, H., Yang, S., Chen, W.-M., Wang, W.-C., Xiao, G., Dang, X., Gan, C., Han, S. (2024). AWQ: activation-aware weight quantization for on-device LLM compression and acceleration. *Proceedings of Machine Learning and Systems* 6. <https://arxiv.org/abs/2306.00978>",
    ),
    (
        "zhang2024",
        "Zhang, C., Cheng, J., Constantinides, G. A., Zhao, Y. (2024). LQER: low-rank quantization error reconstruction for LLMs. *Proceedings of Machine Learning Research* 235. <https://arxiv.org/abs/2402.02446>",
    ),
    (
        "zhang2025",
        "Zhang, C., Wong, J. T. H., Xiao, C., Constantinides, G. A., Zhao, Y. (2025). QERA: an analytical framework for quantization error reconstruction. *International Conference on Learning Representations*. <https://arxiv.org/abs/2410.06040>",
    ),
    (
        "izenman1975",
        "Izenman, A. J. (1975). Reduced-rank regression for the multivariate linear model. *Journal of Multivariate Analysis* 5(2), 248–264. <https://doi.org/10.1016/0047-259X(75)90042-1>",
    ),
    (
        "hoerl1970",
        "Hoerl, A. E., Kennard, R. W. (1970). Ridge regression: biased estimation for nonorthogonal problems. *Technometrics* 12(1), 55–67. <https://doi.org/10.1080/00401706.1970.10488634>",
    ),
    (
        "golub1979",
        "Golub, G. H., Heath, M., Wahba, G. (1979). Generalized cross-validation as a method for choosing a good ridge parameter. *Technometrics* 21(2), 215–223. <https://doi.org/10.1080/00401706.1979.10489751>",
    ),
    (
        "gavish2014",
        "Gavish, M., Donoho, D. L. (2014). The optimal hard threshold for singular values is 4/√3. *IEEE Transactions on Information Theory* 60(8), 5040–5053. <https://arxiv.org/abs/1305.5870>",
    ),
    (
        "lan2020",
        "Lan, Z., Chen, M., Goodman, S., Gimpel, K., Sharma, P., Soricut, R. (2020). ALBERT: a lite BERT for self-supervised learning of language representations. *International Conference on Learning Representations*. <https://arxiv.org/abs/1909.11942>",
    ),
    (
        "hu2022",
        "Hu, E. J., Shen, Y., Wallis, P., Allen-Zhu, Z., Li, Y., Wang, S., Wang, L., Chen, W. (2022). LoRA: low-rank adaptation of large language models. *International Conference on Learning Representations*. <https://arxiv.org/abs/2106.09685>",
    ),
    (
        "dong2021",
        "Dong, Y., Cordonnier, J.-B., Loukas, A. (2021). Attention is not all you need: pure attention loses rank doubly exponentially with depth. *International Conference on Machine Learning*. <https://arxiv.org/abs/2103.03404>",
    ),
    (
        "yu2018",
        "Yu, W., Gu, Y., Li, Y. (2018). Efficient randomized algorithms for the fixed-precision low-rank matrix approximation. *SIAM Journal on Matrix Analysis and Applications* 39(3), 1339–1359. <https://arxiv.org/abs/1606.09402>",
    ),
    ("cochran1977", "Cochran, W. G. (1977). *Sampling Techniques*, third edition. Wiley."),
    (
        "wang2025",
        "Wang, X., Zheng, Y., Wan, Z., Zhang, M. (2025). SVD-LLM: truncation-aware singular value decomposition for large language model compression. *International Conference on Learning Representations*. <https://arxiv.org/abs/2403.07378>",
    ),
    (
        "vaswani2017",
        "Vaswani, A., Shazeer, N., Parmar, N., Uszkoreit, J., Jones, L., Gomez, A. N., Kaiser, Ł., Polosukhin, I. (2017). Attention is all you need. *Advances in Neural Information Processing Systems* 30. <https://arxiv.org/abs/1706.03762>",
    ),
    (
        "wang2020",
        "Wang, W., Wei, F., Dong, L., Bao, H., Yang, N., Zhou, M. (2020). MiniLM: deep self-attention distillation for task-agnostic compression of pre-trained Transformers. *Advances in Neural Information Processing Systems* 33. <https://arxiv.org/abs/2002.10957>",
    ),
    (
        "reimers2019",
        "Reimers, N., Gurevych, I. (2019). Sentence-BERT: sentence embeddings using Siamese BERT-networks. *Proceedings of EMNLP-IJCNLP 2019*, 3982–3992. <https://arxiv.org/abs/1908.10084>",
    ),
    (
        "roy2007",
        "Roy, O., Vetterli, M. (2007). The effective rank: a measure of effective dimensionality. *15th European Signal Processing Conference (EUSIPCO 2007)*, 606–610.",
    ),
];

fn works() -> impl Iterator<Item = (&'static str, &'static str)> {
    WORKS.iter().copied().chain(words::references())
}

/// The works cited so far, in the order of their first mention.
#[derive(Debug, Clone, Default)]
pub struct Citations(Arc<Mutex<Vec<&'static str>>>);

impl Citations {
    /// The number of a work; `None` for a key that is no work's.
    pub fn cite(&self, key: &str) -> Option<usize> {
        let (key, _) = works().find(|(known, _)| *known == key)?;
        let mut cited = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = cited.iter().position(|known| *known == key).unwrap_or_else(|| {
            cited.push(key);
            cited.len() - 1
        });
        Some(place + 1)
    }

    /// The entries of the cited works, in the order of their numbers.
    pub fn entries(&self) -> Vec<&'static str> {
        let cited = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = |key: &&str| works().find(|(known, _)| known == key).map(|(_, entry)| entry);
        cited.iter().filter_map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn works_are_numbered_as_they_are_cited() {
        let citations = Citations::default();
        assert_eq!(citations.cite("xiong2021"), Some(1));
        assert_eq!(citations.cite("halko2011"), Some(2));
        assert_eq!(citations.cite("xiong2021"), Some(1));
        assert_eq!(citations.cite("nobody1900"), None);
        let entries = citations.entries();
        assert_eq!(entries.len(), 2);
        assert!(entries[1].starts_with("Halko"));
    }

    #[test]
    fn every_work_has_one_key_and_every_key_one_work() {
        let both = |part: fn((&'static str, &'static str)) -> &'static str| {
            works().map(part).collect::<std::collections::BTreeSet<_>>().len()
        };
        let all = works().count();
        assert_eq!((both(|work| work.0), both(|work| work.1)), (all, all));
    }
}
