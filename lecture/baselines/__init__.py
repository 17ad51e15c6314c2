"""Parallel learning before and beside Hogwild!, each a `serialeq.Problem`.

===================  ======================================================  =====================
module               method                                                  engines
===================  ======================================================  =====================
``sgd``              SGD: the common ground                                  all
``delayed``          round-robin (2009), late gradients (1986): simulated    all that are serial
``averaging``        averaging of models (2010)                              all
``downpour``         parameter server (2012): simulated                      all that are serial
``coordinate``       coordinate descent (Liu et al. 2014)                    all
``svrg``             variance reduction, sparse (Reddi et al. 2015)          all
``fixed_point``      PageRank as a fixed point (Bertsekas 1983)              all
===================  ======================================================  =====================

Averaging of gradients (Dekel et al. 2012) is the engine ``minibatch`` of linear models.
"""
